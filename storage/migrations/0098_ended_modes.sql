-- A mode that ends with the first words: which update ended it, and what the mode was. Handled again, these words mean the same.
alter table app.talk
  add column ended text not null default '',
  add column ended_by text;

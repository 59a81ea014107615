late-given = Its result came after all: it is yours, free of charge.

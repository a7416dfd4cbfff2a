"""The database: tables, connections, migrations. SQL is the truth; everything else can be rebuilt from it."""

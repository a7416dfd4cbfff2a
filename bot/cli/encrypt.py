"""`python -m bot encrypt`: the embedded database, encrypted with DATA_KEY from now on."""

from __future__ import annotations

from bot.cli.start import DataDir, load
from bot.domain import UserError
from bot.storage import database_address, database_file, is_plain, setting_of
from bot.storage import encrypt as encrypt_file


def encrypt(data_dir: DataDir = None) -> None:
    """Encrypt the embedded database with DATA_KEY, once, with the bot stopped."""
    settings = load(data_dir, quiet=True)
    if settings.data_key is None:
        raise UserError("DATA_KEY is not set: make one with `openssl rand -hex 32`, keep it safe, and set it")
    address = database_address(settings)
    file = database_file(address, settings.data_dir)
    plain = is_plain(file, setting_of(address))
    if plain is None:
        print("There is no database yet; the first start makes it, encrypted.")
    elif not plain:
        print("The database is encrypted already.")
    else:
        encrypt_file(file, settings.data_key.get_secret_value())
        print(f"{file} is encrypted. Without DATA_KEY nobody can read it, you included; old copies of it are not.")

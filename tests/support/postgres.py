"""A real PostgreSQL on loopback, of Debian's package."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
from support.ports import free_port

USER, PASSWORD, DATABASE = "reader", "reader's password", "shop"
_BIN = "/usr/lib/postgresql"


def programs() -> Path | None:
    """The folder of initdb and postgres, installed where that is possible; None where it is not."""
    if not list(Path(_BIN).glob("*/bin/initdb")) and os.getuid() == 0 and shutil.which("apt-get"):
        apt_get = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "-qq", "-y"]
        subprocess.run([*apt_get, "update"], check=False, capture_output=True)
        subprocess.run([*apt_get, "install", "postgresql"], check=False, capture_output=True)
    found = sorted(Path(_BIN).glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    """One server with a password for everybody, at one address. Where root would run it, it is another user's."""

    def __init__(self, bin_folder: Path, folder: Path, address: str = "127.0.0.1") -> None:
        self.address, self.port = address, free_port()
        self._demote: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
        data, secret = folder / "data", folder / "secret"
        secret.write_text(PASSWORD)
        if self._demote:
            for path in (folder, secret):
                shutil.chown(path, "postgres", "postgres")
        init = [
            str(bin_folder / "initdb"),
            "-D",
            str(data),
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            f"--pwfile={secret}",
            "-N",
        ]
        subprocess.run([*init, "--locale=C.UTF-8"], check=True, capture_output=True, cwd=folder, **self._demote)
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all scram-sha-256\n")
        flags = [
            "-D",
            str(data),
            "-p",
            str(self.port),
            "-c",
            f"listen_addresses={address}",
            "-c",
            f"unix_socket_directories={folder}",
        ]
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [str(bin_folder / "postgres"), *flags], stdout=self._log, stderr=self._log, cwd=folder, **self._demote
        )
        self._wait()

    def connect(self, database: str = DATABASE) -> "psycopg.Connection[tuple[object, ...]]":
        where: dict[str, Any] = {
            "host": self.address,
            "port": self.port,
            "user": USER,
            "password": PASSWORD,
            "dbname": database,
        }
        return psycopg.connect(**where, autocommit=True)

    def _wait(self) -> None:
        for _ in range(200):
            try:
                with self.connect("postgres") as connection:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
                    return
            except psycopg.OperationalError:
                time.sleep(0.1)
        raise RuntimeError("PostgreSQL did not start")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()

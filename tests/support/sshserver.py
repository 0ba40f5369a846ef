"""A real OpenSSH server that lets one key in, to this machine's own git."""

import getpass
import shutil
import subprocess
import time
from pathlib import Path

from support.ports import free_port


def sshd() -> str:
    """The server's program, installed where it is not there yet."""
    path = "/usr/sbin:/usr/local/sbin:/usr/bin"
    if shutil.which("sshd", path=path) is None:
        wait = ["-o", "DPkg::Lock::Timeout=120"]
        subprocess.run(["apt-get", *wait, "-qq", "update"], check=False, capture_output=True)
        install = ["apt-get", *wait, "-qq", "-y", "--no-install-recommends", "install", "openssh-server"]
        subprocess.run(install, check=False, capture_output=True)
    found = shutil.which("sshd", path=path)
    assert found is not None, "these tests need OpenSSH: apt-get install openssh-server"
    return found


class SshServer:
    """At one address. `key` is the client's private key, `known_hosts` the file that knows the server."""

    def __init__(self, folder: Path, address: str = "127.0.0.1", host: str = "localhost") -> None:
        program = sshd()
        self.port = free_port()
        self.key, host_key = folder / "id_ed25519", folder / "host_key"
        for file in (self.key, host_key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
        authorized = folder / "authorized_keys"
        authorized.write_text(self.key.with_suffix(".pub").read_text())
        self.known_hosts = folder / "known_hosts"
        public = host_key.with_suffix(".pub").read_text()
        self.known_hosts.write_text(f"[{host}]:{self.port} {public}")
        config = folder / "sshd_config"
        config.write_text(
            f"ListenAddress {address}\nPort {self.port}\nHostKey {host_key}\nAuthorizedKeysFile {authorized}\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\nPidFile none\n"
            "PermitRootLogin prohibit-password\n"
        )
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._log = (folder / "sshd.log").open("wb")
        self._process = subprocess.Popen([program, "-D", "-e", "-f", config], stderr=self._log, stdout=self._log)
        self._wait(folder)
        self.url = f"ssh://{getpass.getuser()}@{host}:{self.port}"

    def _wait(self, folder: Path) -> None:
        deadline = time.monotonic() + 20
        while "listening" not in (folder / "sshd.log").read_text():
            assert self._process.poll() is None, (folder / "sshd.log").read_text()
            assert time.monotonic() < deadline, "sshd does not listen"
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()

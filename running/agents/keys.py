"""CURVE keys: one pair for a deployment, whose holders may talk to each other; all others are refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.schemas.reading.problems import input_error

NAME = "planner"


@dataclass(frozen=True)
class Keys:
    """A key pair, and the folder that it stands in."""

    folder: Path
    public: bytes
    secret: bytes


def make_keys(folder: Path) -> Path:
    """Write a new key pair; the secret can be read by its owner alone.

    Raises:
        InputError: The folder holds keys already, or cannot be written.
    """
    import zmq.auth

    target = folder / f"{NAME}.key_secret"
    if target.exists():
        fix = "give another folder, or delete the old keys"
        raise input_error("there are keys already", fix, file=str(target))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.touch(mode=0o600)
        zmq.auth.create_certificates(str(folder), NAME)
        target.chmod(0o600)
    except OSError as error:
        message = f"cannot write the keys ({error.strerror or error})"
        raise input_error(message, "give another folder", file=str(folder)) from None
    return target


def read_keys(folder: Path | None) -> Keys | None:
    """Read the key pair of a folder; raise InputError where it has none."""
    if folder is None:
        return None
    import zmq.auth

    path = folder / f"{NAME}.key_secret"
    try:
        public, secret = zmq.auth.load_certificate(str(path))
    except (OSError, ValueError):
        fix = "make keys with planner agent --new-keys --keys FOLDER, and copy the folder to every machine"
        raise input_error("no keys", fix, file=str(path)) from None
    if secret is None:
        raise input_error("the key file has no secret key", "copy the whole folder", file=str(path))
    return Keys(folder, public, secret)


def secure_server(socket: Any, context: Any, keys: Keys) -> Any:  # noqa: ANN401 - ZeroMQ's own types differ by version
    """Make a socket accept the holders of the keys alone; return the authenticator, to be stopped at the end.

    Args:
        socket: Listening ZeroMQ socket, not bound yet.
        context: Its ZeroMQ context.
        keys: Own keys and the folder of the public keys that are let in.

    Returns:
        The running authenticator; the caller stops it.
    """
    from zmq.auth.thread import ThreadAuthenticator

    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve(domain="*", location=str(keys.folder))
    socket.curve_publickey, socket.curve_secretkey, socket.curve_server = keys.public, keys.secret, True
    return authenticator


def secure_client(socket: Any, keys: Keys) -> None:  # noqa: ANN401 - ZeroMQ's own types differ by version
    """Make a socket talk to holders of the keys alone."""
    socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = keys.public, keys.secret, keys.public

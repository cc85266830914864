"""A client for exercise 4: python3 client.py HOST PORT CA.pem NAME; the password is the first line of standard input."""

import socket
import ssl
import sys
import threading


def show(connection):
    """Show what comes, line by line, however it was cut."""
    rest = b""
    while data := connection.recv(1024):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            print(ascii(line.decode())[1:-1], flush=True)


def main():
    host, port, ca, name = sys.argv[1:]
    password = sys.stdin.readline().rstrip("\n")
    trust = ssl.create_default_context(cafile=ca)
    with socket.create_connection((host, int(port))) as plain, trust.wrap_socket(plain, server_hostname=host) as connection:
        reader = threading.Thread(target=show, args=(connection,))
        reader.start()
        connection.sendall(f"HELLO|{name}|{password}\n".encode())
        for line in sys.stdin:
            connection.sendall(b"MSG|" + line.encode())
        connection.sendall(b"EXIT|\n")
        reader.join()


main()

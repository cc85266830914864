"""A chat client for the lab: plain sockets, COMMAND|DATA, nothing of TLS or passwords."""

import socket
import sys
import threading


def receive(sock):
    """Show what the server says, line by line: recv(1024) splits lines anywhere."""
    buffer = b""
    while True:
        data = sock.recv(1024)
        if not data:
            break
        buffer += data
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            print("server: " + line.decode("utf-8"), flush=True)
    print("connection closed", flush=True)


def main():
    host, port = sys.argv[1], int(sys.argv[2])
    print("Username: ", end="", flush=True)
    username = sys.stdin.readline().strip()

    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.connect((host, port))
    receiver = threading.Thread(target=receive, args=(sock,))
    receiver.start()
    sock.sendall(("HELLO|" + username + "\n").encode("utf-8"))

    for text in sys.stdin:
        text = text.rstrip("\n")
        if text == "exit":
            break
        sock.sendall(("MSG|" + text + "\n").encode("utf-8"))
    sock.sendall(b"EXIT|\n")
    receiver.join()
    sock.close()


main()

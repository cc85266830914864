#!/usr/bin/env python3
"""An example of a bot with nothing but the standard library: it answers what begins with "!echo " by the rest of it. See docs/bots.md.
Usage: echo.py HOST PORT CA.pem NAME ROOM STATE-FILE <password-file"""
import os, socket, ssl, sys, time

host, port, ca, name, room, state = sys.argv[1:]
password, token = sys.stdin.readline().rstrip("\r\n"), ""
trust = ssl.create_default_context(cafile=ca)  # the chain and the name are verified
LATER = "busy", "rate-limited", "throttled", "internal"

class Refused(Exception): pass

def told(conn):
    for line in conn.makefile(encoding="utf-8", newline="\n"):
        if line.startswith("BYE|ejected|"): sys.exit(line)  # somebody wants the bot gone: it does not come back by itself
        yield line

def ask(conn, lines, *fields):  # returns the reply's fields and the events before it
    conn.sendall(("|".join(fields) + "\n").encode())
    events = []
    for line in lines:
        command, _, data = line.rstrip("\n").partition("|")
        if command == "OK": return data.split("|"), events
        if command == "ERROR": raise Refused(*data.split("|", 1))
        events.append((command, data.split("|", 4)))
    raise ConnectionError("closed")

def handled(last):  # whole or not at all, also when the machine fails
    with open(state + ".new", "w") as f:
        print(last, file=f, flush=True); os.fsync(f.fileno())
    os.replace(state + ".new", state)

def serve(conn, lines):
    global token
    token = ask(conn, lines, "HELLO", name, token or password)[0][1]
    end = ask(conn, lines, "JOIN", room)[0][2]
    if not os.path.exists(state): handled(end)  # the first start: what was said before is no concern
    last = int(open(state).read())
    while True:
        (count,), events = ask(conn, lines, "HISTORY", room, "after", str(last), "100")
        for command, data in events[len(events) - int(count):]:
            last = int(data[0])
            if command == "MSG" and data[3] != name and data[4].startswith("!echo "):
                try: ask(conn, lines, "SEND", room, f"re-{last}", data[4][6:])  # said once, however often it is sent
                except Refused as no:
                    if no.args[0] in LATER: raise
            handled(last)
        if count == "0":  # wait for the next message
            for line in lines:
                if line.startswith("MSG|") and line.split("|")[3] == room and int(line.split("|")[1]) > last: break
            else: raise ConnectionError("closed")

while True:
    try:  # five minutes of silence are taken for a dead line; a session anew costs little
        with socket.create_connection((host, port), 300) as plain, trust.wrap_socket(plain, server_hostname=host) as conn:
            serve(conn, told(conn))
    except Refused as no:
        code, why = no.args
        if code == "denied" and token: token = ""  # it has ended: by the password, then
        elif code not in LATER: sys.exit(f"{code}: {why}")
        time.sleep(int(why.split()[0]) if why[:1].isdigit() else 1)
    except ssl.SSLCertVerificationError as no: sys.exit(f"not trusted: {no}")
    except OSError as lost: print(lost, file=sys.stderr); time.sleep(1)

#!/usr/bin/env python3
"""Records sock_diag dumps of a small population made by this script itself.

Run as root:  unshare -n sh -c 'ip link set lo up; python3 tests/recorded/record.py tests/recorded'
Each file is the concatenation of the datagrams the kernel sent for one dump.
"""
import os, socket, struct, sys, time

OUT = sys.argv[1]
SOCK_DIAG_BY_FAMILY, REQUEST, DUMP = 20, 1, 0x300


def dump(path, body):
    nl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
    nl.send(struct.pack("=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, REQUEST | DUMP, 1, 0) + body)
    data = b""
    while True:
        got = nl.recv(65536)
        data += got
        at, kind = 0, 0
        while at < len(got):
            length, kind = struct.unpack_from("=IH", got, at)
            at += (length + 3) & ~3
        if kind in (2, 3):
            break
    open(os.path.join(OUT, path), "wb").write(data)
    print(path, len(data))


def inet(family, proto, states=0xFFFFFFFF, ext=0):
    return struct.pack("=BBBBI", family, proto, ext, 0, states) + bytes(48)


def unix():
    return struct.pack("=BBHIII", 1, 0, 0, 0xFFFFFFFF, 0, 0x7F) + b"\xff" * 8


held = []


def population(family, host):
    for port in (7001, 7002, 7003):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(8)
        for i in range(6):
            client = socket.create_connection((host, port))
            if i % 3 == 2:  # stays in the accept queue
                held.append(client)
                continue
            server, _ = listener.accept()
            client.send(b"x" * (i * 100))
            if port == 7002:
                client.shutdown(socket.SHUT_WR)  # FIN_WAIT2 against CLOSE_WAIT
            if port == 7003:
                client.close()
                server.close()  # TIME_WAIT
                continue
            held.extend([client, server])
        held.append(listener)
    bound = socket.socket(family)
    bound.bind((host, 7100))
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.bind((host, 7200))
    peer = socket.socket(family, socket.SOCK_DGRAM)
    peer.connect((host, 7200))
    peer.send(b"unread")
    held.extend([bound, udp, peer])


population(socket.AF_INET, "127.0.0.1")
population(socket.AF_INET6, "::1")
dual = socket.socket(socket.AF_INET6)
dual.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
dual.bind(("::", 7300))
dual.listen(4)
held.append(socket.create_connection(("127.0.0.1", 7300)))
held.append(dual.accept()[0])
name = "\0sockstate recorded\n\x1b[31m"
listener = socket.socket(socket.AF_UNIX)
listener.bind(name)
listener.listen(2)
client = socket.socket(socket.AF_UNIX)
client.connect(name)
held.extend([listener, client, dual, *socket.socketpair()])
time.sleep(0.1)
dump("tcp4.dump", inet(socket.AF_INET, 6))
dump("tcp4-details.dump", inet(socket.AF_INET, 6, ext=0x7F))
dump("tcp6-details.dump", inet(socket.AF_INET6, 6, ext=0x7F))
dump("udp4.dump", inet(socket.AF_INET, 17, ext=0x40))
dump("unix.dump", unix())

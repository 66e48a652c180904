#!/usr/bin/env python3
"""A server on loopback that serves a folder's files, well or badly, as the URL says.

    server.py FOLDER [CERTIFICATE]

It prints its port, and ends when its standard input does. With CERTIFICATE (a PEM file with its key)
it speaks TLS. The first part of a path says what happens to the file that the last part names:

    /plain/a            honours Range
    /norange/a          ignores Range
    /wrongrange/a       answers a Range with one that begins at 0
    /refuse/a           answers a Range with 416
    /cut/N/a            announces all, sends N bytes and closes
    /nolength/N/a       announces no length, sends N bytes (0: all) and closes
    /stall/N/a          sends N bytes and then nothing
    /status/N/a         answers with the status N
    /redirect/N/a       redirects N times, then is plain
    /ftp/a              redirects to ftp://

Each request is a line in FOLDER/requests.log: its path, a space, its Range header.
"""
import http.server
import os
import re
import ssl
import sys
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = re.sub("^http://[^/]*", "", self.path)  # a proxy is asked for whole URLs
        wanted = self.headers.get("Range", "")
        with open(os.path.join(self.server.folder, "requests.log"), "a") as log:
            log.write(f"{path} {wanted}".rstrip() + "\n")
        kind, *arguments = path.strip("/").split("/")
        count = int(arguments[0]) if len(arguments) > 1 else 0
        if kind == "status":
            self.answer(count, b"an error\n")
        elif kind == "redirect" and count > 0:
            self.redirect(f"/redirect/{count - 1}/{arguments[-1]}")
        elif kind == "ftp":
            self.redirect("ftp://127.0.0.1/" + arguments[-1])
        else:
            self.serve(kind, count, wanted, arguments[-1])

    def redirect(self, target):
        self.answer(302, b"", Location=target)

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self, kind, count, wanted, name):
        try:
            with open(os.path.join(self.server.folder, name), "rb") as file:
                body = file.read()
        except FileNotFoundError:
            self.answer(404, b"not here\n")
            return
        if wanted and kind == "refuse":
            self.answer(416, b"")
            return
        status, headers = 200, {}
        if wanted and kind in ("plain", "cut", "stall", "wrongrange", "redirect"):
            start = 0 if kind == "wrongrange" else int(wanted[len("bytes="):-1])
            headers["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            status, body = 206, body[start:]
        if kind == "nolength":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body[:count] if count else body)
            self.close_connection = True
        elif kind in ("cut", "stall"):
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:count])
            self.wfile.flush()
            if kind == "stall":
                time.sleep(60)
            self.close_connection = True
        else:
            self.answer(status, body, **headers)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.folder = sys.argv[1]
    server.handle_error = lambda *_: None  # a client that goes away is part of the tests
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


main()

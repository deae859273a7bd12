"""The API against its own description: schemathesis sends what the description allows and what it does not, and looks for
server errors, undocumented answers, bad data that was taken, and calls without a token that were answered.

    python3 tests/portal/contract.py QUEZAO SCHEMATHESIS

Starts `quezao serve` on a fresh folder, sets it up, makes a token and a record, and leaves nothing. What it sends follows
from a fixed seed, so a failure comes again. QUEZAO_CONTRACT (seconds, default 30) bounds the run.

`positive_data_acceptance` is left out: a schema cannot say that text is NFC without invisible characters, that a date is a
day of the calendar, or that an address is a public one.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
]
ALL = [*CHECKS, "positive_data_acceptance", "missing_required_header", "use_after_free", "ensure_resource_availability"]
SECONDS = int(os.environ.get("QUEZAO_CONTRACT", "30"))
PASSWORD = "correct horse battery"


class Browser:
    """Keeps cookies and the token of the last form."""

    def __init__(self, host):
        self.host, self.cookies, self.csrf = host, {}, ""

    def send(self, method, path, body=None, heads=None):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(method, path, body, {"cookie": cookies, **(heads or {})})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for line in answer.headers.get_all("set-cookie") or []:
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.split(";")[0]
        token = re.search(r'name="csrf" value="(\w+)"', text)
        self.csrf = token.group(1) if token else self.csrf
        return answer.status, text

    def post(self, path, fields):
        body = urllib.parse.urlencode({**fields, "csrf": self.csrf})
        return self.send("POST", path, body, {"content-type": "application/x-www-form-urlencoded"})


def main(quezao, schemathesis):
    with tempfile.TemporaryDirectory() as work:
        state = {**os.environ, "QUEZAO_STATE_DIR": f"{work}/state", "LC_ALL": "C.UTF-8"}
        serve = [os.path.abspath(quezao), "serve", "--data", "data", "--listen", "127.0.0.1:0", "--api-calls", "0"]
        with open(f"{work}/log", "w+") as log:
            child = subprocess.Popen(serve, cwd=work, env=state, stdout=subprocess.PIPE, stderr=log, text=True)
            try:
                host = re.search(r"http://([\d.:]+)/", child.stdout.readline()).group(1)
                log.seek(0)
                token, record = prepare(host, re.search(r"/set-up/\w+", log.read()).group(0))
                return hold(schemathesis, work, host, token, record)
            finally:
                child.terminate()
                child.wait()


def prepare(host, set_up):
    """A portal that was set up, a token for everything, and the number of a sealed record."""
    owner = Browser(host)
    owner.send("GET", set_up)
    fields = {"operator_kind": "individual", "operator_name": "林晚", "relation": "same", "name": "林晚"}
    status, page = owner.post(set_up, {**fields, "login": "linwan", "password": PASSWORD, "password2": PASSWORD})
    assert status == 303, page
    owner.send("GET", "/account")
    status, page = owner.post("/account/tokens", {"name": "contract", "days": "1", "deposit": "yes", "capture": "yes", "read": "yes", "licences": "yes"})
    token = re.search(r"qz_[0-9a-f]{64}", page).group(0)
    told = {"sha256": "ab" * 32, "sm3": "cd" * 32, "size": 7, "media_type": "image/jpeg", "title": "海报"}
    heads = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    status, line = owner.send("POST", "/api/v1/deposits?wait=proof", json.dumps(told), heads)
    assert status == 201, line
    return token, json.loads(line)["id"]


def hold(schemathesis, work, host, token, record):
    """Whatever may be sent; then every address of a record that is there."""
    whole, there = f"{work}/whole.toml", f"{work}/there.toml"
    with open(whole, "w") as out:
        out.write("".join(f"checks.{check}.enabled = {str(check in CHECKS).lower()}\n" for check in ALL))
        # What is too long is refused before it is read.
        refused = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
        out.write(f"checks.negative_data_rejection.expected-statuses = {json.dumps(refused)}\n")
        # Of a batch each object is refused on its own, in an answer of 200.
        out.write('[[operations]]\ninclude-name = "POST /api/v1/deposits:batch"\n')
        out.write("checks.negative_data_rejection.enabled = false\n")
    with open(there, "w") as out:
        out.write(f'[parameters]\n"path.id" = "{record}"\n"path.name" = "record.json"\n')
    run = [f"http://{host}/api/v1/openapi.json", "--header", f"Authorization: Bearer {token}"]
    run += ["--seed", "7", "--generation-database", "none", "--continue-on-failure", "--request-timeout", "45", "--no-color"]
    whole = [schemathesis, "--config-file", whole, "run", *run, "--max-examples", "40", "--max-time", str(SECONDS)]
    there = [schemathesis, "--config-file", there, "run", *run, "--max-examples", "5", "--phases", "fuzzing", "--checks", ",".join(CHECKS)]
    there += ["--include-method", "GET", "--mode", "positive", "--include-path-regex", "deposits/"]
    codes = [subprocess.run(command, cwd=work).returncode for command in (whole, there)]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

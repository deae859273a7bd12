"""One row a transaction into PostgreSQL, on the same disk and with as many connections as deposits have: what durable writes
cost a program that does nothing else. bench_postgres.py [CONNECTIONS [SECONDS]]; called by scripts/bench_api.py.

A database of its own, with PostgreSQL's own settings (fsync and synchronous_commit are on), in BENCH_DIR. PostgreSQL does
not run as root, so root runs it as the user that Debian's package makes.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

TABLE = "CREATE TABLE deposits(id bigserial PRIMARY KEY, sha256 bytea NOT NULL, sm3 bytea NOT NULL, size bigint NOT NULL)"
ROW = "INSERT INTO deposits(sha256, sm3, size) VALUES (sha256(random()::text::bytea), sha256(random()::text::bytea), 7);\n"


def inserts(connections, seconds):
    """Transactions a second, or None where there is no PostgreSQL."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if not found or not shutil.which("pgbench"):
        return None
    programs, root = os.path.dirname(found[-1]), os.geteuid() == 0
    who = ["runuser", "-u", "postgres", "--"] if root else []
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as work:
        data, script = f"{work}/data", f"{work}/row.sql"
        os.mkdir(data)
        with open(script, "w") as file:
            file.write(ROW)
        if root:
            # Another user has to come through to it.
            for folder in [os.environ.get("BENCH_DIR", work), work]:
                os.chmod(folder, os.stat(folder).st_mode | 0o055)
            shutil.chown(data, "postgres")

        def run(*command):
            return subprocess.run([*who, *command], cwd=work, check=True, capture_output=True, text=True).stdout

        run(f"{programs}/initdb", "-D", data, "-A", "trust")
        control = [f"{programs}/pg_ctl", "-D", data, "-w", "-l", f"{data}/log"]
        run(*control, "-o", f"-k {data} -h ''", "start")
        try:
            run(f"{programs}/psql", "-h", data, "-d", "postgres", "-qc", TABLE)
            bench = ["pgbench", "-h", data, "-n", "-M", "prepared", "-c", str(connections), "-j", str(os.cpu_count())]
            told = run(*bench, "-T", str(seconds), "-f", script, "postgres")
        finally:
            run(*control, "-m", "fast", "stop")
        return float(re.search(r"^tps = ([\d.]+)", told, re.M).group(1))


def main(connections=64, seconds=10):
    """Says it in a line."""
    tps = inserts(connections, seconds)
    if tps is None:
        print("PostgreSQL is not installed (Debian: postgresql), so it was not measured beside")
    else:
        print(f"PostgreSQL, one row a transaction, {connections} connections: {tps:.0f} a second")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

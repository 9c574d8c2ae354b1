#!/bin/bash
# Runs on every machine of the cluster before Spark does: sets the time at which the cluster ends at the latest, then
# installs Python 3.11, the wheel and the versions it is pinned to. Any failure ends the cluster, with the reason in
# its log.
#
#   bootstrap.sh s3://bucket/run.emr/files/ SECONDS     (0: somebody else cares for the end)
#
# Where things go can be set by variables, so that it also runs in a clean folder without being root:
#   CHURN_HOME         the environment to make               (/opt/churn)
#   CHURN_FETCH        copies a folder: CHURN_FETCH FROM TO  (aws s3 cp --recursive --only-show-errors)
#   CHURN_PYTHON       Python 3.11                           (python3.11, installed by dnf if it is missing)
#   CHURN_INSTANCE     says whether this is the primary      (/mnt/var/lib/info/instance.json)
#   CHURN_SYSTEMD      a folder that is there where systemd is (/run/systemd/system)
#   CHURN_UNITS        folder for the timer of systemd       (/etc/systemd/system)
#   CHURN_SHUTDOWN     ends this machine                     (/sbin/shutdown -h now)
set -Eeuo pipefail

fail() {
    echo "churn bootstrap: $1" >&2
    exit 1
}
trap 'fail "line $LINENO failed: $BASH_COMMAND"' ERR

from="${1:?churn bootstrap: where are the files?}"
seconds="${2:?churn bootstrap: after how many seconds must the cluster end?}"
home="${CHURN_HOME:-/opt/churn}"
fetch="${CHURN_FETCH:-aws s3 cp --recursive --only-show-errors}"
python="${CHURN_PYTHON:-python3.11}"
instance="${CHURN_INSTANCE:-/mnt/var/lib/info/instance.json}"
units="${CHURN_UNITS:-/etc/systemd/system}"
shutdown="${CHURN_SHUTDOWN:-/sbin/shutdown -h now}"
[[ "$seconds" =~ ^[0-9]+$ ]] || fail "$seconds is no number of seconds"

root=()
[ "$(id -u)" = 0 ] || [ -w "$(dirname "$home")" ] || root=(sudo)

# The end of the primary is the end of the cluster. A timer of systemd outlives a reboot.
end_at_the_latest() {
    if [ -d "${CHURN_SYSTEMD:-/run/systemd/system}" ]; then
        local at
        at="$(date -u -d "+$seconds seconds" '+%Y-%m-%d %H:%M:%S UTC')"
        "${root[@]}" tee "$units/churn-end.service" >/dev/null <<UNIT
[Unit]
Description=The end of the cluster
[Service]
Type=oneshot
ExecStart=$shutdown
UNIT
        "${root[@]}" tee "$units/churn-end.timer" >/dev/null <<UNIT
[Unit]
Description=The cluster ends at the latest now
[Timer]
OnCalendar=$at
Persistent=true
AccuracySec=1s
[Install]
WantedBy=timers.target
UNIT
        "${root[@]}" systemctl daemon-reload
        "${root[@]}" systemctl enable --now churn-end.timer
        echo "churn bootstrap: this cluster ends at $at at the latest"
    else
        # shellcheck disable=SC2016,SC2086 # what the inner shell expands; a command with its arguments
        setsid nohup bash -c 'sleep "$1"; shift; exec "$@"' churn-end "$seconds" "${root[@]}" $shutdown \
            >/dev/null 2>&1 </dev/null &
        echo "churn bootstrap: this cluster ends in $seconds seconds at the latest"
    fi
}

# Where nobody says that this machine is another, it counts as the primary: better an end too many than none.
if [ "$seconds" -gt 0 ] && ! grep -Eqs '"isMaster"[[:space:]]*:[[:space:]]*false' "$instance"; then
    end_at_the_latest
fi

if ! command -v "$python" >/dev/null; then
    echo "churn bootstrap: installing Python 3.11"
    "${root[@]}" dnf install -y -q python3.11 python3.11-pip || fail "dnf cannot install python3.11; is there a way to the package repositories?"
fi
"$python" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || fail "$python is older than 3.11"

files="$(mktemp -d)"
# shellcheck disable=SC2086 # a command with its arguments
$fetch "$from" "$files" || fail "cannot fetch $from; may the machines read that bucket?"
wheels=("$files"/*.whl)
[ -f "${wheels[0]}" ] && [ -f "$files/constraints.txt" ] || fail "$from holds no wheel or no constraints.txt"

"${root[@]}" "$python" -m venv --clear "$home" || fail "cannot make $home"
"${root[@]}" "$home/bin/python" -m pip install --quiet --no-input --no-cache-dir --disable-pip-version-check \
    --only-binary :all: -c "$files/constraints.txt" "${wheels[0]}[aws,cluster]" \
    || fail "pip cannot install the wheel; is there a way to the package index?"
"$home/bin/python" -m churn --version || fail "the installed program does not start"
rm -rf "$files"
echo "churn bootstrap: done"

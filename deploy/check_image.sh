#!/usr/bin/env bash
# Build the image's targets and run what they run, without a Docker engine: buildah builds, and the
# image's process runs in namespaces of its own on a read-only root, as the image's user.
#   deploy/check_image.sh [slim] [full]
# Needs root, buildah, debootstrap, curl and .venv. PYTHON_IMAGE is the base; where it is not in the
# local storage, one of the same make (Debian's python3) stands in for it.
# READY_SECONDS (5) is how soon it must be ready; allow more on a machine that is busy otherwise.
# BUILD_OPTIONS goes to buildah: --build-arg PIP_INDEX_URL=..., --secret id=ca,src=...
set -euo pipefail
cd "$(dirname "$0")/.."
work=${WORK:-/var/tmp/depth-image}
base=${PYTHON_IMAGE:-docker.io/library/python:3.11-slim-bookworm}
targets=("$@")
[ $# -gt 0 ] || targets=(slim full)
slim_limit_mb=600
ready_limit_seconds=${READY_SECONDS:-5}
port=$(python3 -c "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])")
photo=service/models/embedded/coffee.jpg
mkdir -p "$work"

storage() { buildah --root "$work/images" --runroot "$work/run" --storage-driver overlay "$@"; }
now() { date +%s.%N; }
# What Debian's official slim images leave out, too.
stand_in() {
  rm -rf "$work/rootfs"
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    bookworm "$work/rootfs" > "$work/debootstrap.log"
  rm -rf "$work"/rootfs/usr/share/{doc,man,locale}/* "$work"/rootfs/var/cache/apt/* \
    "$work"/rootfs/var/lib/apt/lists/*
  container=$(storage from scratch)
  storage add "$container" "$work/rootfs" / > "$work/base.log" 2>&1
  storage commit "$container" "$base" >> "$work/base.log" 2>&1
  storage rm "$container" > "$work/base.log"
  rm -rf "$work/rootfs"
}

# Run `$2...` in the root `$1` as the image's user, read-only but for /tmp.
inside() {
  local root=$1
  shift
  # shellcheck disable=SC2016 # for the inner shell to expand
  unshare --mount --pid --fork --kill-child bash -ec '
    root=$1; shift
    mount --bind "$root" "$root" && mount -o remount,bind,ro "$root"
    mount -t tmpfs none "$root/tmp"
    mount -t proc none "$root/proc"
    for folder in dev sys; do mount --rbind "/$folder" "$root/$folder"; done
    exec chroot --userspec=10001:10001 "$root" "$@"
  ' - "$root" env -i "${environment[@]}" "$@"
}

# tini, the first process of the innermost namespace.
first_process() {
  local process=$runner
  until [ "$(ps -o comm= -p "$process")" = tini ]; do
    process=$(pgrep --parent "$process") || return 1
  done
  echo "$process"
}

# SIGTERM must end it well.
stop() {
  kill -TERM "$(first_process)"
  wait "$runner"
  runner=
  echo "$target: ended with status 0 after SIGTERM"
}

check() {
  local target=$1 started root container megabytes seconds cpu attempt
  # shellcheck disable=SC2086 # several options
  storage bud --isolation chroot --network host --pull-never --layers --format docker \
    ${BUILD_OPTIONS:-} --target "$target" --tag "depth-service:$target" . > "$work/$target.log" 2>&1
  container=$(storage from --pull-never "localhost/depth-service:$target")
  root=$(storage mount "$container")
  megabytes=$(($(du --bytes --summarize "$root" | cut -f1) / 1000000))
  echo "$target: $megabytes MB"
  [ "$target" != slim ] || [ "$megabytes" -lt "$slim_limit_mb" ]
  for unwanted in gcc cc make; do
    [ ! -e "$root/usr/bin/$unwanted" ] || { echo "$target has $unwanted"; return 1; }
  done

  mapfile -t environment < <(storage inspect --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' "$container" | grep .)
  environment+=("DEPTH_HOST=127.0.0.1" "DEPTH_PORT=$port")
  # A busy machine may take longer once, not three times.
  for attempt in 1 2 3; do
    started=$(now)
    inside "$root" tini -- depth-service serve > "$work/$target-service.log" 2>&1 &
    runner=$!
    until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz"; do
      sleep 0.05
      kill -0 "$runner"
    done
    seconds=$(echo "$(now) - $started" | bc)
    cpu=$(curl --silent "http://127.0.0.1:$port/metrics" | sed -n 's/^process_cpu_seconds_total //p')
    echo "$target: ready after $seconds s, with $cpu s of CPU time"
    [ "$(echo "$seconds > $ready_limit_seconds" | bc)" = 1 ] || break
    [ "$attempt" != 3 ]
    stop
  done
  curl --silent --fail --form image=@$photo --output "$work/$target.npy" \
    "http://127.0.0.1:$port/v1/depth?format=npy"
  .venv/bin/python -m service predict $photo -o "$work/expected.npy" > "$work/predict.log" 2>&1
  .venv/bin/python -c "
import sys, numpy
ours, theirs = (numpy.load(path) for path in sys.argv[1:])
difference = abs(ours - theirs).max() / numpy.ptp(theirs)
print(f'$target: differs from this checkout by {difference:.6f} of the range')
assert difference < 1e-4" "$work/$target.npy" "$work/expected.npy"
  # The image's own health check, from inside.
  inside "$root" python3 -c "import os, urllib.request as u; u.urlopen('http://127.0.0.1:%s/livez' % os.environ['DEPTH_PORT'], timeout=4)"
  stop
  storage umount "$container" > "$work/umount.log"
  storage rm "$container" > "$work/umount.log"
}

# What a failed check leaves running; its namespace ends with its first process.
runner=
trap '[ -z "$runner" ] || { process=$(first_process) && kill -KILL "$process"; }' EXIT
storage inspect --type image "$base" > "$work/base.log" 2>&1 || stand_in
for target in "${targets[@]}"; do check "$target"; done

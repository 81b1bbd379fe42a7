#!/usr/bin/env bash
# Start an image as Kubernetes would where there is neither Docker nor Kubernetes: as user 65532 without capabilities, its
# root read-only, its shells gone. As root, with buildah: tests/deploy/start.sh IMAGE FOLDER, gateway.yaml being in FOLDER.
set -euo pipefail
image=$1 folder=$(realpath "$2")
container=$(buildah from --pull-never "$image")
root=$(buildah mount "$container")
trap 'buildah rm "$container" >/dev/null' EXIT
mkdir -p "$root/etc/emr-gateway"
# shellcheck disable=SC2016 # the inner shell's own variables
unshare --mount bash -euc '
  root=$1 folder=$2
  mount --bind "$root" "$root"
  mount --bind "$folder" "$root/etc/emr-gateway"
  mount --bind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  for shell in bash dash sh; do [ ! -e "$root/usr/bin/$shell" ] || mount --bind /dev/null "$root/usr/bin/$shell"; done
  mount -o remount,bind,ro "$root/etc/emr-gateway"
  mount -o remount,bind,ro "$root"
  exec env --ignore-environment AWS_ACCESS_KEY_ID="${AWS_ACCESS_KEY_ID:-}" AWS_SECRET_ACCESS_KEY="${AWS_SECRET_ACCESS_KEY:-}" \
    /usr/sbin/chroot --userspec=65532:65532 --groups= "$root" \
    /opt/emr-gateway/bin/emr-gateway serve --config /etc/emr-gateway/gateway.yaml
' start "$root" "$folder" &
trap 'kill -TERM $!' TERM INT
wait $! || wait $!

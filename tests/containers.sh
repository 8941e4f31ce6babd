# What tests/compose/run and tests/replicas/run share: sourced by them, from the top of the repository. Whoever sources it
# sets `name`, `logs` (a directory) and `file` (the Compose file, which may change on the way), and counts with `passed`.
# Environment:
#
#   BASE_IMAGES_SCRIPT   makes the base images that a file names, given its path, where no registry can be reached
#                        (../shared/containers/make-base-images, if there)
# shellcheck shell=bash disable=SC2154

passed=0

say() { printf '%s: %s\n' "$name" "$*"; }

compose() {
  if docker compose version >/dev/null 2>&1; then
    docker compose --file "$file" "$@"
  else
    docker-compose --file "$file" "$@"
  fi
}

# check WHAT COMMAND…: runs it, and ends the run if it fails.
check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    say "ok: $what"
  else
    say "FAILED: $what"
    exit 1
  fi
}

# quietly NAME COMMAND…: its output goes to a file, shown if the run fails.
quietly() {
  local name_of_log=$1
  shift
  "$@" >"$logs/$name_of_log" 2>&1
}

# report STATUS: how it ended, and where to read more if it did not end well. Exits with the status.
report() {
  if [ "$1" -eq 0 ]; then
    rm -rf "$logs"
    say "$passed passed, 0 failed"
  else
    say "$passed passed, 1 failed; more in $logs"
  fi
  exit "$1"
}

# base_images FILE…: those that these files name.
base_images() {
  timeout 60 docker pull --quiet debian:bookworm-slim >/dev/null 2>&1 && return
  local script=${BASE_IMAGES_SCRIPT:-../shared/containers/make-base-images}
  if [ -x "$script" ]; then
    say "no registry answers: base images from $script"
    "$script" "$@"
  fi
}

container() { compose ps -q "$1"; }

# inside SERVICE COMMAND…: without standard input, which `exec` would otherwise take from a pipeline around it.
inside() { compose exec -T "$@" </dev/null; }

# field NAME: the text of that name in the JSON of standard input.
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

healthy() {
  local deadline=$((SECONDS + 90)) state
  while [ $SECONDS -lt $deadline ]; do
    state=$(docker inspect --format '{{.State.Health.Status}}' "$(container "$1")")
    [ "$state" = healthy ] && return
    sleep 1
  done
  say "$1 is $state"
  return 1
}

# The container's process is nobody in particular, has no capabilities and gains none.
has_no_rights() {
  local status
  status=$(inside "$1" cat /proc/1/status)
  grep -q '^CapEff:[[:space:]]*0*$' <<<"$status" && grep -q '^CapBnd:[[:space:]]*0*$' <<<"$status" \
    && grep -q '^NoNewPrivs:[[:space:]]*1$' <<<"$status" && ! grep -q '^Uid:[[:space:]]*0' <<<"$status"
}

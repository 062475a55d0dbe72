: # npm links this file as the command "dominion". It names no interpreter, so sh runs it as a script and Windows as a
: # batch file (labels). "node" alone will not do, for the reason in bin/node.
: ; self=$0; while [ -h "$self" ]; do to=$(readlink "$self"); case $to in /*) self=$to ;; *) self=$(dirname "$self")/$to ;; esac; done
: ; bin=$(CDPATH= cd -P "$(dirname "$self")" && pwd); exec "$bin/node" "$bin/dominion.js" "$@"
@"%~dp0node.cmd" "%~dp0dominion.js" %*

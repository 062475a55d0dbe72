: # npm links this file as the command "dominion". It has no shebang line, so sh runs it as a script and Windows as a
: # batch file, for which these lines are labels. Plain "node" does not work, for the reason given in bin/node.
: ; self=$0; while [ -h "$self" ]; do to=$(readlink "$self"); case $to in /*) self=$to ;; *) self=$(dirname "$self")/$to ;; esac; done
: ; bin=$(CDPATH= cd -P "$(dirname "$self")" && pwd); exec "$bin/node" "$bin/dominion.js" "$@"
@"%~dp0node.cmd" "%~dp0dominion.js" %*

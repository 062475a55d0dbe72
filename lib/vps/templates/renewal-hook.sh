#!/bin/sh
# Written by codex-dominion-ops: nginx serves the old certificate until it is reloaded.
set -e
nginx -t -q
systemctl reload nginx

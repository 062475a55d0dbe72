/** As many workers must have ended: one may have been ended for good reason. */
const again = 3

/**
 * gunicorn's words about a worker that ended (Arbiter.spawn_worker and reap_workers, as of 20.1 and as of later versions:
 * https://github.com/benoitc/gunicorn/blob/20.1.0/gunicorn/arbiter.py), with its process id.
 */
const endings =
  /Worker exiting \(pid: ?(\d+)\)|Worker \(pid: ?(\d+)\) (?:exited with code|was sent) |Worker with pid (\d+) was terminated|WORKER TIMEOUT \(pid: ?(\d+)\)/g

/**
 * Why a container that Azure calls Running, and that never answered, is the application's fault; undefined when nothing
 * shows it. gunicorn's master keeps listening while its workers end at once (only exit codes 3 and 4 end it, too): the
 * port accepts connections, and nobody answers. A firewall accepts none.
 *
 * @param accepted did the port accept a connection that then brought no answer?
 * @param log the container's last lines
 */
export function whyWorkersAreDead(seen: {
  state: string | undefined
  accepted: boolean
  log: string
}): string | undefined {
  if (seen.state !== 'Running') return undefined
  const ended = new Set([...seen.log.matchAll(endings)].map((match) => match.slice(1).find(Boolean)))
  if (ended.size >= again) return `its workers end again and again (${ended.size} in its last log lines)`
  return seen.accepted ? 'it accepts connections and answers none' : undefined
}

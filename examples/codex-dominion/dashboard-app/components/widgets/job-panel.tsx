import { CircleCheckIcon, CircleXIcon, LoaderCircleIcon } from 'lucide-react'
import { Alert, AlertDescription, AlertTitle } from '@/components/ui/alert'
import { humanize } from '@/lib/format'
import type { JobState } from '@/lib/use-job'
import { StatusBadge } from './value'

const HEADLINES: Record<JobState['phase'], string> = {
  starting: 'is being started…',
  waiting: 'is on its way…',
  finished: 'has finished',
  failed: 'did not finish',
}

function Icon({ phase }: { phase: JobState['phase'] }) {
  if (phase === 'finished') return <CircleCheckIcon aria-hidden />
  if (phase === 'failed') return <CircleXIcon aria-hidden />
  return <LoaderCircleIcon className="animate-spin text-info" aria-hidden />
}

/** An object as "Key: value · Key: value"; an object inside it as "key value, key value". */
function resultText(result: unknown, inner = false): string {
  if (result === null || result === undefined) return ''
  if (typeof result !== 'object') return String(result)
  if (Array.isArray(result)) return result.map((item) => resultText(item, true)).join(', ')
  return Object.entries(result)
    .map(([key, value]) =>
      inner ? `${key} ${resultText(value, true)}` : `${humanize(key)}: ${resultText(value, true)}`,
    )
    .join(inner ? ', ' : ' · ')
}

/** The state of the most recently started job, in words. */
export function JobPanel({ job }: { job: JobState }) {
  const tone = job.phase === 'finished' ? 'success' : job.phase === 'failed' ? 'destructive' : 'default'
  return (
    <Alert variant={tone} role="status" aria-live="polite" data-job-phase={job.phase}>
      <Icon phase={job.phase} />
      <AlertTitle className="flex flex-wrap items-center gap-2">
        {job.workflow} {HEADLINES[job.phase]}
        {job.status && <StatusBadge status={job.status} />}
      </AlertTitle>
      <AlertDescription>
        {job.problem ? `${job.problem.message}. ${job.problem.advice}` : resultText(job.result)}
        {job.id && <p className="font-mono text-xs">job {job.id}</p>}
      </AlertDescription>
    </Alert>
  )
}

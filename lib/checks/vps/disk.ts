import type { Limits } from '../../config/config.ts'
import { unknownError, worstVerdict } from '../../util/errors.ts'
import { formatBytes } from '../../util/format.ts'
import { vps } from '../../vps/remote/vps.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { byLimits, byLowLimits, type Check, combine, type Result } from '../check.ts'

/** A full disk stops nginx's logs, certbot and every release. */
const about = {
  title: 'Disk of the VPS',
  needs: 'ssh',
  advice: 'Free some space there: journalctl --vacuum-size=200M, apt-get clean, or a lower KEEP_RELEASES.',
} as const

export const disk: Check = {
  id: 'disk',
  tags: ['health'],
  ...about,
  async run({ context: { config, runner } }) {
    const { stdout, stderr } = await runner.run(
      // GNU df: sizes in bytes. The folder of the site may be on its own disk, or not exist yet.
      vps(config).sudo({ accept: [0, 1], timeoutMs: 20_000 })`
        df -B1 --output=target,used,avail,iused,iavail -- / ${config.ionos.webRoot}`,
    )
    return judgeDisks(readDisks(stdout, stderr), config.health.diskPercent)
  },
}

/** Free bytes that a deploy needs. */
const roomForDeploy = { warning: 1e9, critical: 200e6 }

export const diskForDeploy: Check = {
  id: 'vps-disk',
  tags: ['doctor', 'vps'],
  ...about,
  async run({ context }) {
    const { freeBytes } = await inspectServer(context)
    return { verdict: byLowLimits(freeBytes, roomForDeploy), detail: `${formatBytes(freeBytes)} left` }
  },
}

export interface Disk {
  mountedOn: string
  /** Per cent used, as df counts it: without the space reserved for root. */
  percent: number
  /** Undefined when the file system has no fixed number of inodes. */
  inodesPercent: number | undefined
  freeBytes: number
}

/** Parses df's lines. Throws (exit 3) when there are none. */
export function readDisks(stdout: string, stderr = ''): Disk[] {
  const rows = stdout.trim().split('\n').slice(1)
  const disks = rows.flatMap((row): Disk[] => {
    const [, mountedOn, ...texts] = /^(.*\S)\s+(\d+)\s+(\d+)\s+(\d+|-)\s+(\d+|-)$/.exec(row) ?? []
    if (mountedOn === undefined) return []
    const [used, free, inodesUsed, inodesFree] = texts.map(Number) as [number, number, number, number]
    const inodes = inodesUsed + inodesFree
    return [
      {
        mountedOn,
        percent: share(used, used + free),
        inodesPercent: inodes > 0 ? share(inodesUsed, inodes) : undefined,
        freeBytes: free,
      },
    ]
  })
  if (disks.length > 0)
    return disks.filter((disk, at) => disks.findIndex((each) => each.mountedOn === disk.mountedOn) === at)
  throw unknownError(
    'The VPS does not tell how full its disk is',
    `${stderr}\n${stdout}`.trim().slice(0, 500),
  )
}

const share = (used: number, all: number): number => (all === 0 ? 100 : Math.round((used / all) * 1000) / 10)

export function judgeDisks(disks: readonly Disk[], limits: Limits): Result {
  const judged = disks.map(({ mountedOn, percent, inodesPercent = 0, freeBytes }) => {
    const by = byLimits(percent, limits)
    const byInodes = byLimits(inodesPercent, limits)
    const parts = [
      ...(by === 'OK' && byInodes !== 'OK'
        ? []
        : [`${percent} % used, ${(freeBytes / 1e9).toFixed(1)} GB left`]),
      ...(byInodes === 'OK' ? [] : [`${inodesPercent} % of the inodes used`]),
    ]
    return {
      verdict: worstVerdict([{ verdict: by }, { verdict: byInodes }]),
      detail: `${mountedOn} ${parts.join(', ')}`,
    }
  })
  const most = Math.max(...disks.map(({ percent }) => percent))
  const mostInodes = Math.max(...disks.map(({ inodesPercent = 0 }) => inodesPercent))
  return {
    ...combine(judged),
    figures: [
      { name: 'disk', value: most, unit: '%', limits },
      { name: 'disk_inodes', value: mostInodes, unit: '%', limits },
    ],
  }
}

import type { StoredSample } from '../store/samples.ts'
import { formatDayLabel, formatIncidentTitle, formatList, getSubject, isVisible } from './labels.ts'
import type { Condition, Headline } from './types.ts'

/** The part of a newest sample that the page goes by. */
export type LastSeen = Pick<StoredSample, 'target' | 'at' | 'until' | 'verdict' | 'keptOut'>

export interface Situation {
  now: number
  /** Of each target. */
  newest: readonly LastSeen[]
  /** What visitors use of what a confirmed outage that is not over has hit. */
  failing: readonly string[]
  /** Those of them that have answered well since, but not yet often enough. */
  awaited: readonly string[]
  /** The newest look was taken in a planned maintenance. */
  maintenance: boolean
}

const conditions: Readonly<Record<LastSeen['verdict'], Condition>> = {
  OK: 'works',
  WARNING: 'slow',
  CRITICAL: 'down',
  UNKNOWN: 'unknown',
}

/** What a part is doing now. What was seen too long ago is not known any more. */
export function getCondition(seen: LastSeen | undefined, now: number): Condition {
  if (!seen || now >= seen.until) return 'unknown'
  return seen.keptOut && seen.verdict === 'CRITICAL' ? 'planned' : conditions[seen.verdict]
}

/** The site is what its pages and its API are together. */
export function siteCondition(newest: readonly LastSeen[], now: number): Condition {
  const parts = selectMain(newest).map((seen) => getCondition(seen, now))
  const order: Condition[] = ['down', 'planned', 'unknown', 'slow', 'works']
  return order.find((condition) => parts.includes(condition)) ?? 'unknown'
}

const selectMain = (seen: readonly LastSeen[]): LastSeen[] =>
  seen.filter(({ target }) => target === 'static' || target === 'api')

/** How the site is, in one sentence. What is not known is never called well. */
export function getHeadline(situation: Situation): Headline {
  const visible = situation.newest.filter(({ target }) => isVisible(target))
  if (visible.length === 0) {
    return {
      level: 'unknown',
      title: 'Not known yet',
      text: 'Nothing has been checked so far.',
      seenAt: undefined,
    }
  }
  const words =
    staleHeadline(visible, situation) ??
    plannedHeadline(visible, situation) ??
    faultHeadline(visible, situation)
  return {
    ...(words ?? normalHeadline(visible, situation)),
    seenAt: Math.max(...visible.map(({ at }) => at)),
  }
}

type HeadlineText = Omit<Headline, 'seenAt'>

function staleHeadline(visible: readonly LastSeen[], situation: Situation): HeadlineText | undefined {
  const { now } = situation
  const main = selectMain(visible)
  if ((main.length > 0 ? main : visible).some(({ until }) => now < until)) return undefined
  const last = Math.max(...visible.map(({ at }) => at))
  const then = { ...situation, now: last }
  const { title } =
    plannedHeadline(visible, then) ?? faultHeadline(visible, then) ?? normalHeadline(visible, then)
  return {
    level: 'unknown',
    title: `Not known since ${formatDayLabel(new Date(last).toISOString().slice(0, 10))}, ${new Date(last).toISOString().slice(11, 16)} UTC`,
    text: `No check has been made since then. What it found: “${title}”.`,
  }
}

/** What a maintenance or a deploy explains is no fault, and what it hides is not unknown. */
function plannedHeadline(
  visible: readonly LastSeen[],
  { now, maintenance }: Situation,
): HeadlineText | undefined {
  if (maintenance) {
    return {
      level: 'planned',
      title: 'Planned maintenance',
      text: 'The site is closed for work that was planned. It opens again when that is done.',
    }
  }
  const explained = visible.filter((seen) => getCondition(seen, now) === 'planned')
  if (explained.length === 0) return undefined
  return {
    level: 'planned',
    title: 'A new release is on its way',
    text: `${formatNames(explained)}: not answering while it is put in place.`,
  }
}

/** Goes by the newest looks: what other targets hold open is no outage of these. */
function faultHeadline(
  visible: readonly LastSeen[],
  { now, failing, awaited }: Situation,
): HeadlineText | undefined {
  const down = visible.filter((seen) => getCondition(seen, now) === 'down')
  const told = down.filter(({ target }) => failing.includes(target))
  const title = formatIncidentTitle(
    told.map(({ target }) => target),
    ...([3, false] as const),
  )
  if (title) {
    return {
      level: selectMain(told).length > 0 ? 'down' : 'trouble',
      title,
      text: `${formatNames(down)}: no good answer at the last check.`,
    }
  }
  if (down.length > 0) {
    return {
      level: 'trouble',
      title: 'A check has just failed',
      text: `${formatNames(down)}: no good answer. It is checked again before this is called an outage.`,
    }
  }
  const again = visible.filter((seen) => awaited.includes(seen.target) && getCondition(seen, now) === 'works')
  if (again.length === 0) return undefined
  const { text, plural } = getSubject(again.map(({ target }) => target))
  return {
    level: 'slow',
    title: `${text} ${plural ? 'answer' : 'answers'} again`,
    text: 'The last check was a good one; some more are awaited before the outage is called over.',
  }
}

function normalHeadline(visible: readonly LastSeen[], { now }: Situation): HeadlineText {
  const are = (condition: Condition) => visible.filter((seen) => getCondition(seen, now) === condition)
  const [slow, unknown] = [are('slow'), are('unknown')]
  const rest = unknown.length > 0 ? ` Not known at present: ${formatNames(unknown)}.` : ''
  if (unknown.length === visible.length) {
    return {
      level: 'unknown',
      title: 'Not known at present',
      text: 'The last check could not tell; the network of whoever checks may be down.',
    }
  }
  if (slow.length > 0) {
    return {
      level: 'slow',
      title: 'It works, slower than usual',
      text: `${formatNames(slow)}: slower than wanted.${rest}`,
    }
  }
  if (unknown.length > 0) return { level: 'works', title: 'What could be checked works', text: rest.trim() }
  return { level: 'works', title: 'Everything works', text: 'All parts answer as they should.' }
}

const formatNames = (seen: readonly LastSeen[]): string => formatList(seen.map(({ target }) => target))

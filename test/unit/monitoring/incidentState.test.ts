import { expect, test } from 'vitest'
import {
  advance,
  formatProgress,
  type IncidentEvent,
  type IncidentRules,
  type IncidentState,
  type TargetStatus,
} from '../../../lib/monitoring/incidentState.ts'

const minute = 60_000
const rules: IncidentRules = { failAfter: 3, recoverAfter: 2, remindMs: 6 * 60 * minute }
const verdicts = { '.': 'OK', W: 'WARNING', C: 'CRITICAL', U: 'UNKNOWN' } as const

/** Visitors notice `api` and `static`. */
const seen = (target: string, sign: string): TargetStatus => ({
  target,
  verdict: verdicts[sign as keyof typeof verdicts],
  visible: ['api', 'static'].includes(target),
  cause: sign === '.' ? '' : `${target} ${sign}`,
})

/** One string per target, one character per minute and run: `.WCU`; a blank was not checked, x is an excluded run. */
function play(
  targets: Record<string, string>,
  some: Partial<IncidentRules> = {},
  begin: IncidentState = { rows: {} },
) {
  let state = begin
  const events: (IncidentEvent & { at: number })[] = []
  const length = Math.max(...Object.values(targets).map((signs) => signs.length))
  for (let index = 0; index < length; index++) {
    const signs = Object.entries(targets).map(([target, text]) => ({ target, sign: text[index] ?? ' ' }))
    if (signs.some(({ sign }) => sign === 'x')) continue
    const asked = signs.filter(({ sign }) => sign !== ' ').map(({ target, sign }) => seen(target, sign))
    const step = advance(state, { at: index * minute, seen: asked }, { ...rules, ...some })
    state = step.state
    if (step.news) events.push({ ...step.news, at: index })
  }
  return { state, events, short: events.map(({ at, kind, incident }) => `${at} ${kind} ${incident.rank}`) }
}

test.each<[string, Record<string, string>, string[]]>([
  ['a fault and its end are reported once each', { api: '..CCCCCC....' }, ['4 problem 3', '9 recovery 3']],
  ['two bad runs are no incident', { api: '.CC.CC.CC.' }, []],
  ['a flapping fault remains one incident', { api: 'CCC.C.C.C.C..' }, ['2 problem 3', '12 recovery 3']],
  ['a mix of WARNING and CRITICAL is a WARNING', { api: 'WCW' }, ['2 problem 1']],
  [
    'the severity rises when the worse verdict is confirmed',
    { api: 'WWWCWCCC..' },
    ['2 problem 1', '7 raised 3', '9 recovery 3'],
  ],
  ['a severity that falls and rises again is no event', { api: 'CCCWWWCCC' }, ['2 problem 3']],
  ['a private fault ranks below a visible one', { disk: 'CCC', api: '.WW' }, ['2 problem 2']],
  [
    'the severity rises when visitors notice',
    { disk: 'CCCCCC', api: '..CCC.' },
    ['2 problem 2', '4 raised 3'],
  ],
  [
    'a second fault of the same severity joins',
    { api: 'CCCCC..', static: '.CCCCC..' },
    ['2 problem 3', '7 recovery 3'],
  ],
  [
    'a fault that moves to another target is one incident',
    { api: 'CCC....', static: '...CCC..' },
    ['2 problem 3', '7 recovery 3'],
  ],
  ['UNKNOWN counts neither as bad nor as good', { api: 'CUCUUC' }, ['5 problem 3']],
  ['UNKNOWN does not interrupt a good streak', { api: 'CCC.U.' }, ['2 problem 3', '5 recovery 3']],
  [
    'a run that did not check the target counts as neither',
    { disk: 'C C C .   .' },
    ['4 problem 2', '10 recovery 2'],
  ],
  ['an excluded run counts as neither', { api: 'CCCxxxxC.x.' }, ['2 problem 3', '10 recovery 3']],
  ['a maintenance in between counts as neither', { api: 'CCxxxC..' }, ['5 problem 3', '7 recovery 3']],
  [
    'a later fault is a new incident',
    { api: 'CCC..CCC..' },
    ['2 problem 3', '4 recovery 3', '7 problem 3', '9 recovery 3'],
  ],
])('%s', (_, targets, expected) => {
  expect(play(targets).short).toEqual(expected)
})

test('an incident has its start, its end, what fails now and everything that failed', () => {
  const { events } = play({ api: '.CCCCC..', static: '..WWW...', disk: '........' })
  expect(events[0]).toMatchObject({
    kind: 'problem',
    incident: { start: minute, rank: 3, targets: ['api'], toldAt: 3 * minute },
    failing: [{ target: 'api', rank: 3, cause: 'api C' }],
  })
  expect(events[1]).toMatchObject({
    kind: 'recovery',
    incident: { targets: ['api', 'static'] },
    end: 6 * minute,
  })
})

test('--fail-after 1 opens an incident at once, --recover-after 1 ends it at once', () => {
  const at = play({ api: '.C.C.' }, { failAfter: 1, recoverAfter: 1 })
  expect(at.short).toEqual(['1 problem 3', '2 recovery 3', '3 problem 3', '4 recovery 3'])
})

test('reminders repeat at their interval; 0 disables them', () => {
  const signs = { api: 'CCCCCCCCC..' }
  expect(play(signs, { remindMs: 3 * minute }).short).toEqual([
    ...['2 problem 3', '5 reminder 3', '8 reminder 3'],
    '10 recovery 3',
  ])
  expect(play(signs, { remindMs: 0 }).short).toEqual(['2 problem 3', '10 recovery 3'])
  // Also while nothing can be known.
  expect(play({ api: 'CCCUUU' }, { remindMs: 3 * minute }).short).toEqual(['2 problem 3', '5 reminder 3'])
})

test('a higher severity is reported instead of a reminder and postpones the next one', () => {
  const { short } = play({ api: 'WWWCCCCCC' }, { remindMs: 3 * minute })
  expect(short).toEqual(['2 problem 1', '5 raised 3', '8 reminder 3'])
})

test('of two concurrent runs, the later one counts for targets that both checked', () => {
  const begin = play({ api: 'CC' }).state
  const late = advance(begin, { at: 10 * minute, seen: [seen('api', '.')] }, rules)
  const early = advance(late.state, { at: 9 * minute, seen: [seen('api', 'C'), seen('disk', 'C')] }, rules)
  expect(early.state.rows.api).toEqual(late.state.rows.api)
  expect(early.state.rows.disk).toMatchObject({ bad: 1 })
})

test('a clock that was set back suppresses no alert', () => {
  const day = 24 * 60 * minute
  let state: IncidentState = { rows: {} }
  const at = (time: number, sign: string) => {
    const step = advance(state, { at: time, seen: [seen('api', sign)] }, rules)
    state = step.state
    return step.news?.kind
  }
  expect([at(day, 'C'), at(day + 1, 'C'), at(day + 2, 'C')]).toEqual([undefined, undefined, 'problem'])
  expect(at(60, 'C')).toBe('reminder')
  expect([at(61, '.'), at(62, '.')]).toEqual([undefined, 'recovery'])
})

test('a target that is no longer checked leaves the incident, and the alert says so', () => {
  const { state } = play({ 'https://old.test/': 'CCC', api: '...' })
  expect(state.open).toBeDefined()
  const days = (number: number) => number * 24 * 60 * minute
  const later = advance(state, { at: days(6), seen: [seen('api', '.')] }, rules)
  expect(later.news?.kind).toBe('reminder')
  const gone = advance(later.state, { at: days(8), seen: [seen('api', '.')] }, rules)
  expect(gone.news).toMatchObject({ kind: 'recovery', forgotten: ['https://old.test/'] })
  expect(gone.state.open).toBeUndefined()
})

test('a target that is UNKNOWN after one bad run neither ends an incident nor keeps it open forever', () => {
  const hours = (number: number) => '.'.repeat(number * 60)
  const unknown = (number: number) => 'U'.repeat(number * 60)
  expect(play({ api: `CCC..${hours(4)}`, containers: `...W${unknown(4)}` }).short).toEqual([
    '2 problem 3',
    '184 recovery 3',
  ])
  // A target that is no longer checked (a full run by hand between the quick ones) does not keep it open.
  expect(play({ api: 'CCC..', disk: '...C' }).short).toEqual(['2 problem 3', '4 recovery 3'])
  // A target that was part of it keeps it open, and appears in events again.
  const { events, short } = play({ api: `CCCC..${hours(13)}`, disk: `CCC..W${unknown(13)}` })
  expect(short).toEqual(['2 problem 3', '362 reminder 3', '722 reminder 3'])
  expect(events[1]?.failing).toEqual([{ target: 'disk', rank: 1, cause: 'disk W' }])
})

test('an incident ends when its most severe faults have recovered; the rest continues silently', () => {
  const { events, short, state } = play({ api: 'CCC.......', containers: 'CCWWWWWWWW' })
  expect(short).toEqual(['2 problem 3', '4 recovery 3'])
  expect(events[1]).toMatchObject({ end: 3 * minute, failing: [{ target: 'containers', rank: 1 }] })
  expect(state.open).toMatchObject({ start: 3 * minute, rank: 1, targets: ['containers'], quiet: true })
  // Its end is recorded without an alert; a reminder makes it public, and then its end too.
  const end = play({ api: 'CCC......', containers: 'WWWWWWW..' }).events
  expect(end.map(({ at, kind, silent }) => [at, kind, silent])).toEqual([
    [2, 'problem', undefined],
    [4, 'recovery', undefined],
    [8, 'recovery', true],
  ])
  const reminded = play({ api: 'CCC........', containers: 'WWWWWWWWW..' }, { remindMs: 4 * minute }).events
  expect(reminded.map(({ at, kind, silent }) => [at, kind, silent])).toEqual([
    [2, 'problem', undefined],
    [4, 'recovery', undefined],
    [8, 'reminder', undefined],
    [10, 'recovery', undefined],
  ])
})

test('a new fault beside a silent incident is a new problem', () => {
  const left = { api: 'CCC........', containers: '.WWWWWWWWWW' }
  expect(play({ ...left, disk: '......WWW..' }).short).toEqual(['2 problem 3', '4 recovery 3', '8 problem 1'])
  // It starts no earlier than the remaining incident did: the two do not overlap.
  const [, over, more] = play({ ...left, disk: '......WWW..' }).events
  expect(more!.incident.start).toBe(over!.end)
  expect(play({ ...left, static: '......CCC..' }).short).toEqual([
    ...['2 problem 3', '4 recovery 3'],
    ...['8 problem 3', '10 recovery 3'],
  ])
})

test('a single bad run of a target outside the incident does not keep it open', () => {
  expect(play({ api: 'CCC...', shop: '.W    ' }).short).toEqual(['2 problem 3', '4 recovery 3'])
  // One that appears while the others recover joins.
  expect(play({ api: 'CCC...', shop: '..CCCC' }).short).toEqual(['2 problem 3'])
})

test('a target may have the name of an object property', () => {
  for (const name of ['constructor', 'toString', '__proto__']) {
    let state: IncidentState = { rows: {} }
    const events = ['C', 'C', 'C', '.', '.'].map((sign, index) => {
      // Between two runs the state is stored as JSON.
      const step = advance(JSON.parse(JSON.stringify(state)), { at: index, seen: [seen(name, sign)] }, rules)
      state = step.state
      return step.news?.kind
    })
    expect(events, name).toEqual([undefined, undefined, 'problem', undefined, 'recovery'])
  }
})

test('formats how far a fault or its recovery is confirmed', () => {
  const after = (signs: string) => formatProgress(play({ api: signs }).state.rows.api, rules)
  expect(after('C')).toBe('1/3')
  expect(after('CC')).toBe('2/3')
  expect(after('CCCCC')).toBe('3/3')
  expect(after('WWWC')).toBe('1/3')
  expect(after('CCC.')).toBe('1/2')
  expect(after('CCC..')).toBeUndefined()
  expect(after('....')).toBeUndefined()
  expect(formatProgress(undefined, rules)).toBeUndefined()
})

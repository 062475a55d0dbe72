import type { Condition, Headline } from './view.ts'

/** Shapes on a disc, so that a state is known without its colour. */
const shapes: Readonly<Record<Headline['level'], string>> = {
  works: 'M6.5 12.5l3.7 3.7 7.3-8',
  slow: 'M12 6.5V12l3.5 3',
  trouble: 'M12 6.5v6.5M12 16.6v.2',
  down: 'M8 8l8 8M16 8l-8 8',
  planned: 'M9.5 7.5v9M14.5 7.5v9',
  unknown: 'M9.2 9.3a2.9 2.9 0 1 1 4.2 2.6c-1 .5-1.4 1-1.4 2M12 16.9v.2',
}

/** Beside words, which say the same: hidden from who listens. */
export const icon = (level: Headline['level']): string =>
  `<svg class="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" fill="none" stroke-linecap="round" stroke-linejoin="round">` +
  `<circle cx="12" cy="12" r="11" fill="currentColor"/><path d="${shapes[level]}" stroke="var(--card)" stroke-width="2.4"/></svg>`

const words: Readonly<Record<Condition, string>> = {
  works: 'works',
  slow: 'slower than usual',
  down: 'down',
  planned: 'planned work',
  unknown: 'not known',
}

export const conditionMark = (condition: Condition): string =>
  `<span class="now ${condition}">${icon(condition)}${words[condition]}</span>`

const colours: Readonly<Record<Headline['level'], string>> = {
  works: '15803d',
  slow: 'a15c07',
  trouble: 'b91c1c',
  down: 'b91c1c',
  planned: '2b2f77',
  unknown: '858b98',
}

/** The tab's icon, inside the page itself. */
export const favicon = (level: Headline['level']): string =>
  `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke-linecap='round'%3E` +
  `%3Ccircle cx='12' cy='12' r='11' fill='%23${colours[level]}'/%3E%3Cpath d='${shapes[level]}' stroke='white' stroke-width='2.4'/%3E%3C/svg%3E`

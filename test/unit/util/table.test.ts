import { styleText } from 'node:util'
import { expect, test } from 'vitest'
import { formatTable } from '../../../lib/util/format.ts'

test('columns align, numbers to the right, colours have no width, no trailing spaces', () => {
  const red = styleText('red', 'bad', { validateStream: false })
  const text = formatTable(
    [{ heading: 'Part' }, { heading: '$', align: 'right' }, { heading: 'Why' }],
    [
      ['–', '10.00', red],
      ['longer', '5', ''],
    ],
  )
  expect(text).toBe(`Part        $  Why\n–       10.00  ${red}\nlonger      5`)
})

const WIDTH = 240
const HEIGHT = 56
const PAD = 4

/** A line through `values`, oldest first, scaled to its minimum and maximum. A single value is drawn as a point. */
export function Sparkline({ values, label }: { values: number[]; label: string }) {
  const low = Math.min(...values)
  const span = Math.max(...values) - low || 1
  const points = values.map((value, index): [number, number] => [
    values.length > 1 ? PAD + (index / (values.length - 1)) * (WIDTH - 2 * PAD) : WIDTH / 2,
    HEIGHT - PAD - ((value - low) / span) * (HEIGHT - 2 * PAD),
  ])
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')
  const last = points.at(-1)
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      className="h-14 w-full text-primary"
      role="img"
      aria-label={label}
    >
      {points.length > 1 && (
        <>
          <polygon
            points={`${PAD},${HEIGHT} ${line} ${WIDTH - PAD},${HEIGHT}`}
            fill="currentColor"
            opacity="0.1"
          />
          <polyline
            points={line}
            fill="none"
            stroke="currentColor"
            strokeWidth="2"
            strokeLinejoin="round"
            strokeLinecap="round"
          />
        </>
      )}
      {last && <circle cx={last[0]} cy={last[1]} r="3.5" fill="currentColor" />}
    </svg>
  )
}

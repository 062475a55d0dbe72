'use client'

import Link from 'next/link'
import { useEffect, useState } from 'react'

type Target = { href: string; title: string }

const MOST = 3

function lettersInPairs(text: string): string[] {
  const letters = text.toLowerCase().replace(/[^a-z0-9]/g, '')
  return Array.from({ length: Math.max(0, letters.length - 1) }, (_, index) =>
    letters.slice(index, index + 2),
  )
}

/** Sørensen–Dice similarity of two texts by letter pairs: 0 for nothing in common, 1 for identical texts. */
function similarity(a: string, b: string): number {
  const [left, right] = [lettersInPairs(a), lettersInPairs(b)]
  const rest = [...right]
  const common = left.filter((pair) => {
    const at = rest.indexOf(pair)
    if (at >= 0) rest.splice(at, 1)
    return at >= 0
  }).length
  return (2 * common) / (left.length + right.length || 1)
}

/** Pages whose address is close to the requested one. Computed in the browser: 404.html serves every wrong address. */
export function NearestPages({ pages }: { pages: Target[] }) {
  const [nearest, setNearest] = useState<Target[]>([])
  useEffect(() => {
    const wanted = window.location.pathname
    const lastPart = (path: string) => path.split('/').at(-1) ?? ''
    setNearest(
      pages
        .map((page) => ({
          page,
          score: Math.max(similarity(wanted, page.href), similarity(lastPart(wanted), lastPart(page.href))),
        }))
        .filter(({ score }) => score > 0.5)
        .sort((a, b) => b.score - a.score)
        .slice(0, MOST)
        .map(({ page }) => page),
    )
  }, [pages])
  if (nearest.length === 0) return null
  return (
    <div className="mt-6 rounded-lg border bg-card p-4 text-sm">
      <p className="font-medium">Did you mean</p>
      <ul className="mt-2 space-y-1">
        {nearest.map((page) => (
          <li key={page.href}>
            <Link
              href={page.href}
              prefetch={false}
              className="text-primary underline-offset-4 hover:underline"
            >
              {page.title}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  )
}

import Link from 'next/link'

/** The logo: an open book whose gutter is a rising sun. images/icon.svg is the same drawing. */
export function BrandMark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden>
      <rect width="32" height="32" rx="8" fill="#2b2a63" />
      <circle cx="16" cy="14" r="5.5" fill="#e9b959" />
      <path
        d="M4 13c4.5-1.2 8.5-.4 12 2.4 3.5-2.8 7.5-3.6 12-2.4v12c-4.5-1.2-8.5-.4-12 2.4-3.5-2.8-7.5-3.6-12-2.4z"
        fill="#fbf6ea"
      />
      <path d="M16 15.4v12" stroke="#2b2a63" strokeWidth="1.3" />
    </svg>
  )
}

export function Brand() {
  return (
    <Link
      href="/"
      className="flex items-center gap-2.5 rounded-md outline-none focus-visible:ring-2 focus-visible:ring-ring"
    >
      <BrandMark className="size-8" />
      <span className="font-display text-lg font-semibold tracking-tight">Codex Dominion</span>
    </Link>
  )
}

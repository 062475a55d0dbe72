'use client'

import { LayoutDashboardIcon, SearchIcon } from 'lucide-react'
import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { useId, useState } from 'react'
import { Input } from '@/components/ui/input'
import type { SectionIcon as IconName } from '@/data/types'
import { cn } from '@/lib/utils'
import { SectionIcon } from './icons'

/** What the navigation needs of the route table, so that widgets stay out of the browser's bundle. */
export type NavSection = {
  slug: string
  title: string
  icon: IconName
  pages: { slug: string; title: string }[]
}

const linkClass =
  'flex items-center gap-2.5 rounded-md px-2.5 py-1.5 text-sm outline-none hover:bg-accent focus-visible:ring-2 focus-visible:ring-ring'

function PageLink({ href, title, current }: { href: string; title: string; current: boolean }) {
  return (
    <Link
      href={href}
      prefetch={false}
      aria-current={current ? 'page' : undefined}
      className={cn(
        linkClass,
        'py-1 text-muted-foreground',
        current && 'bg-accent font-medium text-foreground',
      )}
    >
      {title}
    </Link>
  )
}

/**
 * Sections, with the pages of the current one expanded; typing in the search box lists matching pages of all sections.
 */
export function Nav({ sections, onNavigate }: { sections: NavSection[]; onNavigate?: () => void }) {
  const pathname = usePathname()
  const [query, setQuery] = useState('')
  const inputId = useId()
  const wanted = query.trim().toLowerCase()

  const shown = sections
    .map((section) => {
      const all = wanted === '' || section.title.toLowerCase().includes(wanted)
      const pages = all
        ? section.pages
        : section.pages.filter((page) => page.title.toLowerCase().includes(wanted))
      const open =
        wanted !== '' || pathname === `/${section.slug}` || pathname.startsWith(`/${section.slug}/`)
      return { ...section, pages, open }
    })
    .filter((section) => wanted === '' || section.pages.length > 0)

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/noStaticElementInteractions: only closes the phone's panel after a link inside was followed
    <div
      className="flex min-h-0 flex-1 flex-col"
      onClick={(event) => (event.target as Element).closest('a') && onNavigate?.()}
    >
      <div className="relative px-3 pb-3">
        <label htmlFor={inputId} className="sr-only">
          Find a page
        </label>
        <SearchIcon
          className="pointer-events-none absolute top-2.5 left-5.5 size-4 text-muted-foreground"
          aria-hidden
        />
        <Input
          id={inputId}
          type="search"
          placeholder="Find a page…"
          className="pl-8.5"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
      </div>
      <nav aria-label="Sections" className="min-h-0 flex-1 space-y-0.5 overflow-y-auto px-3 pb-6">
        {wanted === '' && (
          <Link
            href="/dashboard"
            prefetch={false}
            aria-current={pathname === '/dashboard' ? 'page' : undefined}
            className={cn(linkClass, pathname === '/dashboard' && 'bg-accent font-medium')}
          >
            <LayoutDashboardIcon className="size-4 text-gold" aria-hidden /> Overview
          </Link>
        )}
        {shown.map((section) => (
          <div key={section.slug}>
            <Link
              href={`/${section.slug}`}
              prefetch={false}
              aria-current={pathname === `/${section.slug}` ? 'page' : undefined}
              className={cn(linkClass, pathname === `/${section.slug}` && 'bg-accent font-medium')}
            >
              <SectionIcon name={section.icon} className="size-4 shrink-0 text-gold" />
              {section.title}
            </Link>
            {section.open && (
              <div className="my-0.5 ml-4.5 space-y-0.5 border-l pl-2.5">
                {section.pages.map((page) => {
                  const href = `/${section.slug}/${page.slug}`
                  return <PageLink key={href} href={href} title={page.title} current={pathname === href} />
                })}
              </div>
            )}
          </div>
        ))}
        {shown.length === 0 && (
          <p className="px-2.5 py-2 text-sm text-muted-foreground">No page has that name.</p>
        )}
      </nav>
    </div>
  )
}

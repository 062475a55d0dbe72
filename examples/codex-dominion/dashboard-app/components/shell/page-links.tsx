import { ArrowRightIcon } from 'lucide-react'
import Link from 'next/link'
import type { Page, Section } from '@/data/types'

/** Cards that lead to the other pages of a section. */
export function PageLinks({ section, except, title }: { section: Section; except?: string; title: string }) {
  const pages = section.pages.filter((page: Page) => page.slug !== except)
  return (
    <section className="mt-10" aria-label={title}>
      <h2 className="mb-3 text-lg font-semibold">{title}</h2>
      <ul className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
        {pages.map((page) => (
          <li key={page.slug}>
            <Link
              href={`/${section.slug}/${page.slug}`}
              prefetch={false}
              className="group flex h-full flex-col rounded-lg border bg-card p-4 outline-none hover:border-gold/50 focus-visible:ring-2 focus-visible:ring-ring"
            >
              <span className="flex items-center justify-between gap-2 text-sm font-medium">
                {page.title}
                <ArrowRightIcon
                  className="size-4 text-muted-foreground transition-transform group-hover:translate-x-0.5"
                  aria-hidden
                />
              </span>
              <span className="mt-1 text-sm text-muted-foreground">{page.description}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  )
}

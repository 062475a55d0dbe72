import type { Metadata } from 'next'
import Link from 'next/link'
import { NearestPages } from '@/components/marketing/nearest-pages'
import { Brand } from '@/components/shell/brand'
import { Button } from '@/components/ui/button'
import { SECTIONS } from '@/data/site'

export const metadata: Metadata = { title: 'Page not found', robots: { index: false } }

const pages = SECTIONS.flatMap((section) => [
  { href: `/${section.slug}`, title: section.title },
  ...section.pages.map((page) => ({
    href: `/${section.slug}/${page.slug}`,
    title: `${section.title}: ${page.title}`,
  })),
])

/** Exported as 404.html, which nginx serves with status 404 for every unknown address. */
export default function NotFound() {
  return (
    <main className="mx-auto flex min-h-dvh max-w-xl flex-col px-4 py-8 sm:px-6">
      <Brand />
      <div className="my-auto py-16">
        <p className="font-display text-7xl font-semibold text-gold">404</p>
        <h1 className="mt-4 text-3xl font-semibold">This page is not in the codex</h1>
        <p className="mt-3 text-muted-foreground">
          The address may be mistyped, or the page has moved. Nothing is broken on your side.
        </p>
        <NearestPages pages={pages} />
        <div className="mt-8 flex flex-wrap gap-3">
          <Button asChild>
            <Link href="/dashboard">Open the dashboard</Link>
          </Button>
          <Button asChild variant="outline">
            <Link href="/">Go to the start page</Link>
          </Button>
        </div>
      </div>
    </main>
  )
}

import Link from 'next/link'
import type { ReactNode } from 'react'
import { Brand } from '@/components/shell/brand'
import { ThemeToggle } from '@/components/shell/theme-toggle'
import { Button } from '@/components/ui/button'
import { SECTIONS } from '@/data/site'

export default function MarketingLayout({ children }: { children: ReactNode }) {
  return (
    <div className="flex min-h-dvh flex-col">
      <header className="sticky top-0 z-30 border-b bg-background/85 backdrop-blur">
        <div className="mx-auto flex h-16 max-w-6xl items-center gap-2 px-4 sm:px-6">
          <Brand />
          <div className="ml-auto flex items-center gap-1 sm:gap-2">
            <ThemeToggle />
            <Button asChild size="sm">
              <Link href="/dashboard">
                <span className="sm:hidden">Dashboard</span>
                <span className="max-sm:hidden">Open the dashboard</span>
              </Link>
            </Button>
          </div>
        </div>
      </header>
      <main className="flex-1">{children}</main>
      <footer className="border-t bg-sidebar">
        <div className="mx-auto max-w-6xl px-4 py-10 sm:px-6">
          <ul className="grid grid-cols-2 gap-x-6 gap-y-2.5 text-sm text-muted-foreground sm:grid-cols-4">
            {SECTIONS.map((section) => (
              <li key={section.slug}>
                <Link
                  href={`/${section.slug}`}
                  prefetch={false}
                  className="hover:text-foreground hover:underline"
                >
                  {section.title}
                </Link>
              </li>
            ))}
          </ul>
          <p className="mt-8 text-xs text-muted-foreground">
            Codex Dominion. Fonts and images are served by this site; it sets no cookies.
          </p>
        </div>
      </footer>
    </div>
  )
}

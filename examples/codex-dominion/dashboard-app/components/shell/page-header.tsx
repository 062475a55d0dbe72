import { ChevronRightIcon } from 'lucide-react'
import Link from 'next/link'
import type { Section } from '@/data/types'
import { SectionIcon } from './icons'

type Props = { title: string; description: string; section?: Section; isSection?: boolean }

export function PageHeader({ title, description, section, isSection }: Props) {
  return (
    <header className="mb-6">
      {section && !isSection && (
        <nav aria-label="Breadcrumb" className="mb-2 flex items-center gap-1.5 text-sm text-muted-foreground">
          <Link href={`/${section.slug}`} prefetch={false} className="hover:text-foreground hover:underline">
            {section.title}
          </Link>
          <ChevronRightIcon className="size-3.5" aria-hidden />
          <span aria-current="page">{title}</span>
        </nav>
      )}
      <div className="flex items-start gap-3.5">
        {section && isSection && (
          <span className="mt-1 flex size-10 shrink-0 items-center justify-center rounded-lg bg-accent text-gold">
            <SectionIcon name={section.icon} className="size-5" />
          </span>
        )}
        <div className="min-w-0">
          <h1 className="text-2xl font-semibold sm:text-3xl">{title}</h1>
          <p className="mt-1.5 max-w-2xl text-muted-foreground">{description}</p>
        </div>
      </div>
    </header>
  )
}

import type { Metadata } from 'next'
import { notFound } from 'next/navigation'
import { PageHeader } from '@/components/shell/page-header'
import { PageLinks } from '@/components/shell/page-links'
import { Sources } from '@/components/shell/sources'
import { Widgets } from '@/components/widgets'
import { apiPaths, findPage, findSection, SECTIONS } from '@/data/site'

type Props = { params: Promise<{ section: string; slug: string }> }

export const dynamicParams = false

export function generateStaticParams() {
  return SECTIONS.flatMap((section) =>
    section.pages.map((page) => ({ section: section.slug, slug: page.slug })),
  )
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { section: sectionSlug, slug } = await params
  const page = findPage(sectionSlug, slug)
  return { title: `${page?.title} – ${findSection(sectionSlug)?.title}`, description: page?.description }
}

export default async function DashboardPage({ params }: Props) {
  const { section: sectionSlug, slug } = await params
  const section = findSection(sectionSlug)
  const page = findPage(sectionSlug, slug)
  if (!section || !page) notFound()
  return (
    <>
      <PageHeader title={page.title} description={page.description} section={section} />
      <Widgets widgets={page.widgets} />
      <Sources paths={apiPaths(page.widgets)} />
      <PageLinks section={section} except={page.slug} title={`More on ${section.title.toLowerCase()}`} />
    </>
  )
}

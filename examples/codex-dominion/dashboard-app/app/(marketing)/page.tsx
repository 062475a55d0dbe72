import Link from 'next/link'
import { Features } from '@/components/marketing/features'
import { LiveStrip } from '@/components/marketing/live-strip'
import { Picture } from '@/components/picture'
import { SectionIcon } from '@/components/shell/icons'
import { Button } from '@/components/ui/button'
import { SECTIONS } from '@/data/site'

const HALVES = [
  {
    title: 'The core thinks',
    text: 'API, database, cache and workers. It restarts by itself, keeps its own backups and speaks TLS to everything behind it.',
  },
  {
    title: 'The face greets',
    text: 'This site: static pages from disk, close to you. It stays up when the core is down, and says so.',
  },
]

export default function LandingPage() {
  return (
    <>
      <section className="relative isolate overflow-hidden bg-[#14153a]">
        <Picture
          name="hero"
          alt=""
          sizes="100vw"
          className="absolute inset-0 -z-10 size-full object-cover object-[65%_80%]"
          priority
        />
        <div className="absolute inset-0 -z-10 bg-linear-to-r from-[#14153a]/90 via-[#14153a]/60 to-[#14153a]/60 sm:via-[#14153a]/45 sm:to-transparent" />
        <div className="mx-auto max-w-6xl px-4 pt-20 pb-28 sm:px-6 sm:pt-28 sm:pb-36">
          <p className="text-sm font-medium tracking-wide text-[#f0c987]">
            Councils · Agents · Workflows · Treasury
          </p>
          <h1 className="mt-3 max-w-xl text-4xl leading-tight font-semibold text-[#fbf6ea] sm:text-6xl sm:leading-[1.08]">
            Every dominion begins at dawn
          </h1>
          <p className="mt-5 max-w-lg text-lg text-[#e6dff0]">
            One dashboard for the councils that decide, the agents that act, the workflows that run and the
            treasury that pays.
          </p>
          <div className="mt-8 flex flex-wrap gap-3">
            <Button asChild size="lg" className="bg-[#e9b959] text-[#1d1b45] hover:bg-[#f3cd7d]">
              <Link href="/dashboard">Open the dashboard</Link>
            </Button>
            <Button
              asChild
              size="lg"
              variant="outline"
              className="border-white/30 bg-white/5 text-[#fbf6ea] hover:bg-white/15 hover:text-white"
            >
              <Link href="/dawn-dispatch">Today’s dispatch</Link>
            </Button>
          </div>
        </div>
      </section>
      <div className="mx-auto max-w-6xl px-4 sm:px-6">
        <div className="relative -mt-12">
          <LiveStrip />
        </div>
        <section className="py-16 sm:py-20">
          <h2 className="mb-8 max-w-2xl text-3xl font-semibold">
            Who decides, who acts, what it costs, what we know
          </h2>
          <Features />
        </section>
        <section className="border-t py-16 sm:py-20">
          <h2 className="max-w-2xl text-3xl font-semibold">Two clouds, one system</h2>
          <div className="mt-8 grid gap-8 md:grid-cols-2">
            {HALVES.map((half) => (
              <div key={half.title} className="border-l-2 border-gold pl-5">
                <h3 className="text-lg font-semibold">{half.title}</h3>
                <p className="mt-1.5 text-muted-foreground">{half.text}</p>
              </div>
            ))}
          </div>
        </section>
        <section className="border-t py-16 sm:py-20">
          <h2 className="text-3xl font-semibold">Find your way</h2>
          <ul className="mt-8 grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
            {SECTIONS.map((section) => (
              <li key={section.slug}>
                <Link
                  href={`/${section.slug}`}
                  prefetch={false}
                  className="flex h-full gap-3.5 rounded-lg border bg-card p-4 outline-none hover:border-gold/50 focus-visible:ring-2 focus-visible:ring-ring"
                >
                  <SectionIcon name={section.icon} className="mt-0.5 size-5 shrink-0 text-gold" />
                  <span>
                    <span className="block font-medium">{section.title}</span>
                    <span className="mt-0.5 block text-sm text-muted-foreground">{section.summary}</span>
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  )
}

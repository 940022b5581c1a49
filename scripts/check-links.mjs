// Relative links of the Markdown files: each must lead to a file of the repository, and to a heading of it where it names one.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { filesIn, root } from './process.mjs'

/** Text outside of code blocks and code spans, with as many lines. */
const prose = (markdown) =>
  markdown.replace(/^( *)(`{3,}|~{3,})[\s\S]*?^\1\2/gm, (block) => block.replace(/[^\n]/g, '')).replace(/`[^`\n]*`/g, (span) => ' '.repeat(span.length))

/** The anchors that GitHub gives the headings of a file, and those that it sets itself. */
function anchorsOf(markdown) {
  const seen = new Map()
  const anchors = new Set()
  for (const [, heading] of markdown.replace(/^( *)(`{3,}|~{3,})[\s\S]*?^\1\2/gm, '').matchAll(/^#{1,6}[ \t]+(.+?)[ \t]*#*$/gm)) {
    const text = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/<[^>]*>/g, '')
    const slug = text
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replace(/ /g, '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    anchors.add(count ? `${slug}-${count}` : slug)
  }
  for (const [, id] of markdown.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(id)
  return anchors
}

/** @returns {{ code: number, output: string }} a line for each link that leads nowhere */
export function checkLinks() {
  const files = filesIn(['.'], (path) => path.endsWith('.md') && !/^(dist|node_modules|test-results|playwright-report)\//.test(path))
  const broken = []
  for (const path of files) {
    const text = prose(readFileSync(join(root, path), 'utf8'))
    const links = [
      ...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
      ...text.matchAll(/^\[[^\]]+\]:\s*<?([^\s>]+)/gm),
      ...text.matchAll(/<(?:img|a)\b[^>]*?\b(?:src|href)="([^"]+)"/g),
    ]
    for (const { 1: link, index } of links) {
      if (/^[a-z][a-z+.-]*:/i.test(link) || link.startsWith('//')) continue
      const [file, anchor] = decodeURI(link).split('#')
      const target = file === '' ? join(root, path) : file.startsWith('/') ? join(root, file) : resolve(join(root, dirname(path)), file)
      const place = `${path}:${text.slice(0, index).split('\n').length}`
      if (!existsSync(target)) broken.push(`${place}: ${link}: ${relative(root, target)} does not exist`)
      else if (anchor && target.endsWith('.md') && statSync(target).isFile() && !anchorsOf(readFileSync(target, 'utf8')).has(anchor)) {
        broken.push(`${place}: ${link}: ${relative(root, target)} has no heading for #${anchor}`)
      }
    }
  }
  return { code: broken.length ? 1 : 0, output: broken.map((line) => `${line}\n`).join('') }
}

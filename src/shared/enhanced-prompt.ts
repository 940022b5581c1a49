// What a small language model wrote, made ready to be a prompt: its remarks, its marks and what it did not end are left out. Pure.
import { promptTokens } from './prompt'

/** LTX-Video's own advice is two hundred words at most, of which a small model's last ones are its worst. */
const MOST_WORDS = 120

/** A remark before the paragraph, to its colon or its end. */
const PREAMBLE = /^(?:(?:sure(?: thing)?|certainly|of course|okay|ok|absolutely)\s*[.,!:]+\s*)?(?:(?:here(?:'s|’s| is| are)|this is|below is|the following is)\b[^.!:\n]*:\s*)?(?:(?:video )?(?:prompt|paragraph|description|answer)\s*:\s*)?/i
/** Sentences that speak to the person, and not of the picture. */
const REMARK = /\b(?:I hope|hope this|let me know|feel free|I can|I'm|I am|would you like|you can (?:use|adjust|change)|this (?:prompt|paragraph|description)|the (?:prompt|paragraph))\b/i

/** A paragraph of whole sentences from what a model wrote; empty where there is none. @param avoid phrases, none of which may be in it: a sentence that has one is left out */
export function tidyParagraph(written: string, avoid: readonly string[] = []): string {
  const plain = written
    .replace(/<\|[^|>]*\|>/g, ' ')
    .replace(/[*_#`]+/g, '')
    .replace(/^\s*(?:[-•]|\d+[.)])\s+/gm, '')
    .trim()
    .replace(PREAMBLE, '')
  const line = plain.replace(/\s+/g, ' ').replace(/^["“'‘]+|["”]+$/g, '').trim()
  const phrases = avoid.map((phrase) => promptTokens(phrase).join(' ')).filter(Boolean)
  const sentences: string[] = []
  let words = 0
  for (const sentence of wholeSentences(line)) {
    if (REMARK.test(sentence)) continue
    const tokens = ` ${promptTokens(sentence).join(' ')} `
    if (phrases.some((phrase) => tokens.includes(` ${phrase} `))) continue
    if (sentences.includes(sentence)) continue
    words += wordsOf(sentence).length
    if (words > MOST_WORDS && sentences.length > 0) break
    sentences.push(sentence)
  }
  return sentences.join(' ')
}

/** Words that a picture does not show: they may be left out of a paragraph. */
const SMALL = new Set(
  ('a an the of in on at by to for with from into onto over under above below near and or but as is are was be being been it its his her their this that these those he she they ' +
    'some very there while then who which has have had up down out off style').split(' '),
)

/** The words of a prompt that a paragraph has not, in their order; another ending is the same word ("sails", "sailing"). */
export function missingWords(prompt: string, paragraph: string): string[] {
  const said = new Set(wordsOf(paragraph).map(stem))
  return [...new Set(contentWords(prompt))].filter((word) => !said.has(stem(word)))
}

/** Whether a paragraph speaks of something else than the prompt: it has fewer than half of its words. */
export function mentionsOther(prompt: string, paragraph: string): boolean {
  const words = new Set(contentWords(prompt))
  return words.size > 0 && missingWords(prompt, paragraph).length > words.size / 2
}

function contentWords(text: string): string[] {
  return wordsOf(text).filter((word) => !SMALL.has(word))
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? []
}

/** Enough for English as prompts have it: an ending less, and a doubled or silent last letter with it. */
function stem(word: string): string {
  const short = word.replace(/['’]s$/, '').replace(/ies$/, 'y').replace(/(?:ing|edly|ed|es|s|ly)$/, '')
  return (short.length < 3 ? word : short).replace(/(.)\1$/, '$1').replace(/[eyi]$/, '')
}

/** Sentences that have an end. A full stop inside of a number or behind a single letter ends none. */
function wholeSentences(line: string): string[] {
  return (line.match(/.*?(?<!\b\p{L})(?<!\b(?:St|Mr|Mrs|Dr))[.!?]+["”')]*(?=\s|$)/gu) ?? []).map((sentence) => sentence.trim()).filter((sentence) => wordsOf(sentence).length > 0)
}

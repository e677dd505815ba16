/* Canaries: sentences with a number that nobody wrote, planted in a corpus a known number of times, to measure what a model that
 * was trained on it remembers (model/exposure.h). All of them follow from a seed, so that a corpus' manifest need only name it.
 * source  Carlini et al. 2019, arXiv:1802.08232 */
#ifndef MN_TEXT_CANARY_H
#define MN_TEXT_CANARY_H

#include <stddef.h>
#include <stdint.h>

#define MN_CANARIES      22u /* 8 planted once, 8 four times, 4 sixteen times, 2 sixty-four times */
#define MN_CANARY_COPIES 232u
#define MN_CANARY_TEXT   64u
#define MN_CANARY_SPACE  1000000000u /* numbers of nine digits */
#define MN_CANARY_LANG   "en"
#define MN_CANARY_MS     INT64_C(1721001600000) /* all were "written" on 15 July 2024 */

/* Sentence i of a seed: those below MN_CANARIES are planted, from there on they are references, which no corpus has. No two of the first
 * MN_CANARY_SPACE are equal. */
void mn_canary_text(uint64_t seed, uint64_t i, char ret[MN_CANARY_TEXT]);
/* How often canary i < MN_CANARIES is planted: 1, 4, 16 or 64. */
uint32_t mn_canary_copies(size_t i);
/* In a shard each canary has an author of its own, and each copy is a post: numbers that no account and no post of a store has (those are
 * times, far larger), so that a canary can be forgotten like an author. */
uint64_t mn_canary_author(size_t i);
uint64_t mn_canary_post(size_t i, uint32_t copy);

#endif

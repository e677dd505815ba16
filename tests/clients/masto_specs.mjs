// The areas of masto.js's own end-to-end tests, each tried in our own way: a check is named after the area that it stands for (README.md
// lists those that do not apply). MYNAH names the program.
import { createECDH, randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { assert, check, done } from "../e2e/lib.mjs";
import { end, listen, masto, operatorPassword, picture, signIn, signUp, url, OOB, PASSWORD, SCOPES } from "./masto_lib.mjs";

const { createOAuthAPIClient, createRestAPIClient, createStreamingAPIClient } = masto;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const refusal = (promise) => promise.then(() => assert(false, "it was not refused"), (e) => (e instanceof masto.MastoHttpError ? e : Promise.reject(e)));
const show = (x) => JSON.stringify(x)?.slice(0, 400);
const is = (got, wanted) => assert(isDeepStrictEqual(got, wanted), `${show(got)} is not ${show(wanted)}`);

// What an account or a post counts, and what it is to its reader, may differ between two answers; all else is the same everywhere.
const VOLATILE = new Set(["followersCount", "followingCount", "statusesCount", "lastStatusAt", "favouritesCount", "favourited", "bookmarked", "muted", "pinned",
    "filtered", "source", "role"]);
const still = (x) => JSON.parse(JSON.stringify(x, (key, value) => (VOLATILE.has(key) ? undefined : value)));
function has(list, entity) {
    assert(Array.isArray(list), `not a list: ${show(list)}`);
    const found = list.find((x) => x.id === entity.id);
    assert(found, `${entity.id} is not among ${list.map((x) => x.id)}`);
    is(still(found), still(entity));
}
const lacks = (list, entity) => assert(!list.some((x) => x.id === entity.id), `${entity.id} is still there`);
async function until(what, ask) {
    for (let i = 0; i < 100; i++) {
        const got = await ask();
        if (got) return got;
        await pause(50);
    }
    throw new Error(`${what}: waited in vain`);
}

let made = 0, here;
// Members who know nobody: {rest, account, token, at(who)}, `at` being what may be done with another's account.
async function members(n) {
    const names = Array.from({ length: n }, () => `bird${++made}`);
    const { here: app, tokens } = await signUp(...names);
    here = app;
    return Promise.all(tokens.map(async (token) => {
        const rest = createRestAPIClient({ url, accessToken: token });
        return { rest, token, account: await rest.v1.accounts.verifyCredentials(), at: (who) => rest.v1.accounts.$select(who.account.id) };
    }));
}
const [ada, ben] = await members(2);
const post = (who, status, more) => who.rest.v1.statuses.create({ status, ...more });

// ---- signing in --------------------------------------------------------------------------------------------------------------------

await check("masto spec oauth/token: a token is issued, works, and is revoked", async () => {
    const app = await ada.rest.v1.apps.create({ clientName: "tokens", redirectUris: OOB, scopes: "read" });
    const oauth = createOAuthAPIClient({ url }), who = { clientId: app.clientId, clientSecret: app.clientSecret };
    const token = await oauth.token.create({ grantType: "client_credentials", ...who, redirectUri: OOB, scope: "read" });
    const rest = createRestAPIClient({ url, accessToken: token.accessToken });
    assert((await rest.v1.apps.verifyCredentials()).name === "tokens", "the app");
    await oauth.revoke({ ...who, token: token.accessToken });
    assert((await refusal(rest.v1.apps.verifyCredentials())).statusCode === 401, "a revoked token");
    const byPassword = await oauth.token.create({ grantType: "password", ...who, username: "bird1", password: PASSWORD, scope: "read" }).then(() => "let in", (e) => e.statusCode);
    assert(byPassword === 400, `the password grant: ${byPassword}`);
});
await check("masto spec apps: an app is made and verified", async () => {
    const app = await ada.rest.v1.apps.create({ clientName: "Heron", redirectUris: "https://app.example/back", scopes: "read write" });
    assert(app.name === "Heron" && app.clientId && app.clientSecret, show(app));
    assert((await ada.rest.v1.apps.verifyCredentials()).name === "sign-up", "the app of a member's token");
});

// ---- accounts ----------------------------------------------------------------------------------------------------------------------

await check("masto spec accounts: bad sign-ups are told field by field what is wrong", async () => {
    const e = await refusal(here.v1.accounts.create({ username: "", email: "", password: "", agreement: false, locale: "en" }));
    assert(e.statusCode === 422, String(e.statusCode));
    for (const [field, error] of [["username", "ERR_BLANK"], ["password", "ERR_BLANK"], ["agreement", "ERR_ACCEPTED"]])
        assert(e.details?.[field]?.some((d) => d.error === error && d.description), `${field}: ${show(e.details)}`);
});
await check("masto spec accounts: a profile and its fields change", async () => {
    const name = randomBytes(4).toString("hex"), me = ada.rest.v1.accounts;
    assert((await me.updateCredentials({ displayName: name })).displayName === name, "name");
    is((await me.updateCredentials({ fieldsAttributes: [{ name: "nest", value: name }] })).fields, [{ name: "nest", value: name, verifiedAt: null }]);
    ada.account = await me.verifyCredentials();
    assert(ada.account.displayName === name && ada.account.source.fields[0].value === name, "verified");
    has([await ben.at(ada).fetch()], ada.account);
    assert((await me.lookup({ acct: ada.account.acct })).id === ada.account.id, "lookup");
    has(await ben.rest.v1.accounts.search.list({ q: ada.account.username }), ada.account);
});
for (const [verb, back, state] of [["follow", "unfollow", "following"], ["block", "unblock", "blocking"], ["mute", "unmute", "muting"]])
    await check(`masto spec accounts: ${verb} and ${back}`, async () => {
        assert((await ada.at(ben)[verb]())[state] === true, verb);
        assert((await ada.rest.v1.accounts.relationships.fetch({ id: [ben.account.id] }))[0][state] === true, "asked again");
        assert((await ada.at(ben)[back]())[state] === false, back);
    });
for (const [verb, back] of [["pin", "unpin"], ["endorse", "unendorse"]])
    await check(`masto spec accounts, endorsements: ${verb} and ${back}`, async () => {
        assert((await refusal(ada.at(ben)[verb]())).statusCode === 422, "who is not followed is not endorsed");
        await ada.at(ben).follow();
        assert((await ada.at(ben)[verb]()).endorsed === true, verb);
        has(await ada.rest.v1.endorsements.list(), ben.account);
        has(await ben.at(ada).endorsements.list(), ben.account);
        assert((await ada.at(ben)[back]()).endorsed === false, back);
        lacks(await ada.rest.v1.endorsements.list(), ben.account);
        await ada.at(ben).unfollow();
    });
await check("masto spec accounts: a mute ends by itself", async () => {
    assert((await ada.at(ben).mute({ duration: 1 })).muting === true, "muted");
    await until("the end of the mute", async () => (await ada.rest.v1.accounts.relationships.fetch({ id: [ben.account.id] }))[0].muting === false);
});
await check("masto spec accounts: notes, several relationships, familiar followers, proofs", async () => {
    const [carol] = await members(1);
    assert((await ada.at(ben).note.create({ comment: "sings" })).note === "sings", "note");
    is((await ada.rest.v1.accounts.relationships.fetch({ id: [ben.account.id, carol.account.id] })).map((r) => r.note), ["sings", ""]);
    await ada.at(ben).follow();
    await ben.at(carol).follow();
    const [familiar] = await ada.rest.v1.accounts.familiarFollowers.fetch({ id: [carol.account.id] });
    assert(familiar.id === carol.account.id, show(familiar));
    has(familiar.accounts, ben.account);
    is(await ada.at(ben).identityProofs.list(), []);
    await ada.at(ben).unfollow();
});
await check("masto spec accounts: followers, following, and a follower removed", async () => {
    await ada.at(ben).follow();
    has(await ben.at(ben).followers.list(), ada.account);
    has(await ben.at(ada).following.list(), ben.account);
    await ben.at(ada).removeFromFollowers();
    assert((await ben.rest.v1.accounts.relationships.fetch({ id: [ada.account.id] }))[0].followedBy === false, "followed by");
    lacks(await ben.at(ben).followers.list(), ada.account);
});
await check("masto spec accounts: posts, lists and featured tags of an account", async () => {
    const said = await post(ada, "One more.");
    has(await ada.at(ada).statuses.list(), said);
    await ada.at(ben).follow();
    const list = await ada.rest.v1.lists.create({ title: "Singers" });
    await ada.rest.v1.lists.$select(list.id).accounts.create({ accountIds: [ben.account.id] });
    has(await ada.at(ben).lists.list(), list);
    await ada.rest.v1.lists.$select(list.id).remove();
    const tag = await ada.rest.v1.featuredTags.create({ name: "warblers" });
    has(await ben.at(ada).featuredTags.list(), tag);
    await ada.rest.v1.featuredTags.$select(tag.id).remove();
    await ada.at(ben).unfollow();
});
await check("masto spec emails: a confirmation is sent again, to another address", async () => {
    const e = await ada.rest.v1.emails.confirmations.create({ email: "ada2@example.com" }).then(() => null, (x) => x);
    assert(e === null || e.statusCode === 403, `neither sent nor said to be confirmed: ${e}`);
});
await check("masto spec profile: picture and header go", async () => {
    const [eve] = await members(1), before = eve.account;
    const dressed = await eve.rest.v1.accounts.updateCredentials({ avatar: picture(80, 80), header: picture(90, 30) });
    assert(dressed.avatar !== before.avatar && dressed.header !== before.header, show(dressed));
    await eve.rest.v1.profile.avatar.remove();
    await eve.rest.v1.profile.header.remove();
    const bare = await eve.rest.v1.accounts.verifyCredentials();
    assert(bare.avatar === before.avatar && bare.header === before.header, show(bare));
    const profile = await eve.rest.v1.profile.update({ displayName: "Eve" });
    assert(profile.displayName === "Eve" && (await eve.rest.v1.profile.fetch()).displayName === "Eve", show(profile));
});
await check("masto spec blocks, mutes: those blocked and muted are listed", async () => {
    await ada.at(ben).block();
    has(await ada.rest.v1.blocks.list(), ben.account);
    await ada.at(ben).unblock();
    lacks(await ada.rest.v1.blocks.list(), ben.account);
    await ada.at(ben).mute();
    has(await ada.rest.v1.mutes.list(), { ...ben.account, muteExpiresAt: null });
    await ada.at(ben).unmute();
    lacks(await ada.rest.v1.mutes.list(), ben.account);
});
await check("masto spec domain-blocks: a domain is blocked and not", async () => {
    await ada.rest.v1.domainBlocks.create({ domain: "loud.example" });
    is(await ada.rest.v1.domainBlocks.list(), ["loud.example"]);
    await ada.rest.v1.domainBlocks.remove({ domain: "loud.example" });
    is(await ada.rest.v1.domainBlocks.list(), []);
});
await check("masto spec follow-requests: one let in, one sent away", async () => {
    const [shy, one, two] = await members(3);
    assert((await shy.rest.v1.accounts.updateCredentials({ locked: true })).locked === true, "locked");
    for (const who of [one, two]) assert((await who.at(shy).follow()).requested === true, "requested");
    const waiting = await shy.rest.v1.followRequests.list();
    for (const who of [one, two]) has(waiting, who.account);
    await shy.rest.v1.followRequests.$select(one.account.id).authorize();
    await shy.rest.v1.followRequests.$select(two.account.id).reject();
    const now = async (who) => (await who.rest.v1.accounts.relationships.fetch({ id: [shy.account.id] }))[0];
    assert((await now(one)).following === true && (await now(two)).following === false && (await now(two)).requested === false, "afterwards");
    is(await shy.rest.v1.followRequests.list(), []);
});
await check("masto spec directory, suggestions v1 and v2", async () => {
    const [eve] = await members(1);
    assert(Array.isArray(await eve.rest.v1.directory.list({ local: true })), "directory");
    assert(Array.isArray(await eve.rest.v1.suggestions.list()), "v1");
    for (const s of await eve.rest.v2.suggestions.list()) assert(s.account.id && s.source, show(s));
});
await check("masto spec preferences", async () => {
    const all = await ada.rest.v1.preferences.fetch();
    for (const key of ["posting:default:visibility", "posting:default:language", "posting:default:sensitive", "reading:expand:media"]) assert(key in all, show(all));
});

// ---- posts -------------------------------------------------------------------------------------------------------------------------

await check("masto spec statuses: made, changed, with a history, and gone", async () => {
    const { id } = await post(ada, "first words", { visibility: "direct" }), it = ada.rest.v1.statuses.$select(id);
    assert((await it.fetch()).content === "<p>first words</p>" && (await it.source.fetch()).text === "first words", "made");
    assert((await it.update({ status: "second words" })).content === "<p>second words</p>", "changed");
    is((await it.history.list()).map((e) => e.content), ["<p>first words</p>", "<p>second words</p>"]);
    await it.remove();
    assert((await refusal(it.fetch())).statusCode === 404, "gone");
});
await check("masto spec statuses: what came before and after", async () => {
    const one = await post(ada, "one"), two = await post(ada, "two", { inReplyToId: one.id }), three = await post(ada, "three", { inReplyToId: two.id });
    const context = await ada.rest.v1.statuses.$select(two.id).context.fetch();
    const bare = ({ repliesCount, ...rest }) => rest;
    has(context.ancestors.map(bare), bare(one));
    has(context.descendants.map(bare), bare(three));
});
for (const [verb, back, state, more] of [["favourite", "unfavourite", "favourited", "favouritedBy"], ["bookmark", "unbookmark", "bookmarked"], ["mute", "unmute", "muted"],
    ["pin", "unpin", "pinned"], ["reblog", "unreblog", "reblogged", "rebloggedBy"]])
    await check(`masto spec statuses: ${verb} and ${back}`, async () => {
        const said = await post(ada, `to ${verb}`), who = verb === "pin" || verb === "mute" ? ada : ben, it = who.rest.v1.statuses.$select(said.id);
        assert((await it[verb]())[state] === true, verb);
        if (more) has(await it[more].list(), ben.account);
        assert((await it[back]())[state] === false, back);
        if (more) is(await it[more].list(), []);
        await ada.rest.v1.statuses.$select(said.id).remove();
    });
await check("masto spec statuses: a quote counts until it is gone", async () => {
    const said = await post(ada, "quote me", { quoteApprovalPolicy: "public" });
    const quote = await post(ben, "as she said", { quotedStatusId: said.id }), it = ben.rest.v1.statuses.$select(said.id);
    assert((await it.fetch()).quotesCount === 1, "counted");
    assert((await ada.rest.v1.statuses.$select(said.id).quotes.list()).some((q) => q.id === quote.id && q.account.id === ben.account.id), "listed");
    await ben.rest.v1.statuses.$select(quote.id).remove();
    await until("no quote", async () => (await it.fetch()).quotesCount === 0);
});
await check("masto spec statuses: only those are mentioned whom the app allows", async () => {
    const e = await refusal(post(ada, `@${ben.account.acct} hello`, { allowedMentions: [] }));
    assert(e.statusCode === 422, String(e.statusCode));
    is(e.additionalProperties?.unexpectedAccounts?.map((a) => a.id), [ben.account.id]);
    const said = await post(ada, `@${ben.account.acct} hello`, { allowedMentions: [ben.account.id] });
    assert(said.mentions[0].id === ben.account.id, show(said));
});
await check("masto spec statuses: translate says what the instance says of it", async () => {
    const { configuration } = await ada.rest.v2.instance.fetch(), said = await post(ada, "Hello");
    const e = await ada.rest.v1.statuses.$select(said.id).translate({ lang: "ja" }).then(() => null, (x) => x);
    assert(configuration.translation.enabled ? e === null : e?.statusCode === 404, String(e));
});
await check("masto spec bookmarks, favourites: what was marked is listed", async () => {
    const said = await post(ada, "to keep");
    for (const [verb, list] of [["bookmark", "bookmarks"], ["favourite", "favourites"]]) {
        const marked = await ben.rest.v1.statuses.$select(said.id)[verb]();
        has(await ben.rest.v1[list].list(), marked);
    }
    await ada.rest.v1.statuses.$select(said.id).remove();
    for (const list of ["bookmarks", "favourites"]) lacks(await ben.rest.v1[list].list(), said);
});
await check("masto spec polls: two of three", async () => {
    const { poll } = await post(ada, "Which?", { poll: { options: ["reed", "weir", "wood"], multiple: true, expiresIn: 86400 } });
    await ben.rest.v1.polls.$select(poll.id).votes.create({ choices: [0, 1] });
    const now = await ben.rest.v1.polls.$select(poll.id).fetch();
    is([now.votesCount, now.votersCount, now.ownVotes, now.voted], [2, 1, [0, 1], true]);
});
await check("masto spec media: made, read, described", async () => {
    const media = await ada.rest.v2.media.create({ file: picture(64, 48) }), it = ada.rest.v1.media.$select(media.id);
    assert(media.type === "image" && (await it.fetch()).type === "image", "image");
    assert((await it.update({ description: "reeds" })).description === "reeds" && (await it.fetch()).description === "reeds", "described");
});
await check("masto spec scheduled-statuses: put off, and called off", async () => {
    const day = (n) => new Date(Date.now() + n * 86_400_000).toISOString();
    const first = day(1), second = day(2), later = await post(ada, "Tomorrow", { scheduledAt: first }), it = ada.rest.v1.scheduledStatuses.$select(later.id);
    is([later.params.text, later.scheduledAt], ["Tomorrow", first]);
    is((await it.fetch()).scheduledAt, first);
    is((await it.update({ scheduledAt: second })).scheduledAt, second);
    assert((await ada.rest.v1.scheduledStatuses.list())[0].id === later.id, "listed");
    await it.remove();
    assert((await refusal(it.fetch())).statusCode === 404, "called off");
});

// ---- reading -----------------------------------------------------------------------------------------------------------------------

await check("masto spec timelines: home, public, hashtag in any case, list, page by page", async () => {
    const said = await post(ada, "Over the weir #MarshTit"), rest = ada.rest.v1.timelines;
    has(await rest.home.list(), said);
    has(await ben.rest.v1.timelines.public.list(), said);
    for (const name of ["MarshTit", "marshtit"]) has(await ben.rest.v1.timelines.tag.$select(name).list(), said);
    const list = await ada.rest.v1.lists.create({ title: "Empty" });
    is(await rest.list.$select(list.id).list(), []);
    await ada.rest.v1.lists.$select(list.id).remove();
    const seen = [];
    for await (const page of rest.public.list({ limit: 2 })) {
        seen.push(...page.map((s) => s.id));
        if (seen.length >= 6) break;
    }
    assert(seen.length === 6 && new Set(seen).size === 6 && isDeepStrictEqual(seen, [...seen].sort((a, b) => (BigInt(a) < BigInt(b) ? 1 : -1))), seen.join());
});
await check("masto spec lists: a list and who is in it", async () => {
    await ada.at(ben).follow();
    let list = await ada.rest.v1.lists.create({ title: "Waders" });
    const it = ada.rest.v1.lists.$select(list.id);
    await it.update({ title: "Waders and divers" });
    list = await it.fetch();
    assert(list.title === "Waders and divers", show(list));
    has(await ada.rest.v1.lists.list(), list);
    await it.accounts.create({ accountIds: [ben.account.id] });
    has(await it.accounts.list(), ben.account);
    await it.accounts.remove({ accountIds: [ben.account.id] });
    is(await it.accounts.list(), []);
    await it.remove();
    await ada.at(ben).unfollow();
});
await check("masto spec conversations: read, unread, removed", async () => {
    const said = await post(ben, `@${ada.account.acct} between us`, { visibility: "direct" });
    const talk = await until("the talk", async () => (await ada.rest.v1.conversations.list()).find((c) => c.lastStatus?.id === said.id));
    has(talk.accounts, ben.account);
    const it = ada.rest.v1.conversations.$select(talk.id);
    assert((await it.read()).unread === false && (await it.unread()).unread === true, "read and unread");
    await it.remove();
    lacks(await ada.rest.v1.conversations.list(), talk);
});
await check("masto spec markers: where home was left", async () => {
    const said = await post(ada, "here");
    is((await ada.rest.v1.markers.create({ home: { lastReadId: said.id } })).home.lastReadId, said.id);
    is((await ada.rest.v1.markers.fetch({ timeline: ["home"] })).home.lastReadId, said.id);
});
await check("masto spec tags, followed tags: followed, featured, and not", async () => {
    const [eve] = await members(1), tag = eve.rest.v1.tags.$select("plover");
    assert((await tag.follow()).following === true, "followed");
    is((await eve.rest.v1.followedTags.list()).map((t) => t.name), ["plover"]);
    await tag.unfollow();
    assert((await tag.fetch()).following === false, "not followed");
    assert((await tag.feature()).featuring === true, "featured");
    await tag.unfeature();
    assert((await tag.fetch()).featuring === false, "not featured");
});
await check("masto spec featured-tags: listed, suggested", async () => {
    await post(ada, "once #bittern");
    assert((await ada.rest.v1.featuredTags.suggestions.list()).some((t) => t.name === "bittern"), "suggested");
    const tag = await ada.rest.v1.featuredTags.create({ name: "bittern" });
    has(await ada.rest.v1.featuredTags.list(), tag);
    await ada.rest.v1.featuredTags.$select(tag.id).remove();
    is(await ada.rest.v1.featuredTags.list(), []);
});
await check("masto spec filters v1: one phrase", async () => {
    const made = await ada.rest.v1.filters.create({ phrase: "egret", context: ["home"] }), it = ada.rest.v1.filters.$select(made.id);
    await it.update({ phrase: "egret", context: ["home", "notifications"] });
    const now = await it.fetch();
    is([now.phrase, [...now.context].sort()], ["egret", ["home", "notifications"]]);
    has(await ada.rest.v1.filters.list(), now);
    await it.remove();
    assert((await refusal(it.fetch())).statusCode === 404, "gone");
});
await check("masto spec filters v2: a filter, its words and its posts", async () => {
    const all = ada.rest.v2.filters, made = await all.create({ title: "Egrets", context: ["notifications"], keywordsAttributes: [{ keyword: "egret" }, { keyword: "stork" }] });
    const it = all.$select(made.id);
    assert(made.keywords.length === 2, show(made));
    is((await it.update({ keywordsAttributes: [{ id: made.keywords[0].id, _destroy: true }] })).keywords.map((k) => k.keyword), ["stork"]);
    await it.update({ title: "Egrets and storks" });
    const now = await it.fetch();
    is([now.title, now.context], ["Egrets and storks", ["notifications"]]);
    has(await all.list(), now);
    const word = await it.keywords.create({ keyword: "crane" });
    await all.keywords.$select(word.id).update({ keyword: "cranes" });
    const changed = await all.keywords.$select(word.id).fetch();
    assert(changed.keyword === "cranes", show(changed));
    has(await it.keywords.list(), changed);
    await all.keywords.$select(word.id).remove();
    lacks(await it.keywords.list(), changed);
    const said = await post(ada, "to hide"), hidden = await it.statuses.create({ statusId: said.id });
    is((await all.statuses.$select(hidden.id).fetch()).statusId, said.id);
    has(await it.statuses.list(), hidden);
    await all.statuses.$select(hidden.id).remove();
    is(await it.statuses.list(), []);
    await it.remove();
});
await check("masto spec search: three kinds, page by page", async () => {
    const found = await ada.rest.v2.search.list({ q: "bird" });
    assert([found.accounts, found.statuses, found.hashtags].every(Array.isArray) && found.accounts.length > 0, show(found));
    const first = await ada.rest.v2.search.list({ q: "bird" }).values().next();
    assert(first.done === false && Array.isArray(first.value.accounts), show(first));
});
await check("masto spec trends: posts, links, tags", async () => {
    for (const kind of ["statuses", "links", "tags"]) assert(Array.isArray(await ada.rest.v1.trends[kind].list()), kind);
});
await check("masto spec instance v1 and v2, custom emojis, announcements", async () => {
    const it = ada.rest.v1.instance, about = await it.extendedDescription.fetch();
    assert((await ada.rest.v2.instance.fetch()).domain && Array.isArray(await it.peers.list()), "domain and peers");
    assert((await it.activity.list()).length === 12, "twelve weeks");
    assert(typeof about.content === "string" && "updatedAt" in about, show(about));
    is(await it.translationLanguages.list(), {});
    assert(Array.isArray(await ada.rest.v1.customEmojis.list()) && Array.isArray(await ada.rest.v1.announcements.list()), "emojis, announcements");
});

// ---- notifications -----------------------------------------------------------------------------------------------------------------

await check("masto spec notifications v1: counted, read, dismissed, cleared", async () => {
    const [eve, fay] = await members(2), it = eve.rest.v1.notifications, said = [];
    for (const n of [1, 2, 3]) said.push(await post(fay, `@${eve.account.acct} ${n}`));
    await until("three", async () => (await it.unreadCount.fetch()).count === 3);
    const all = await it.list(), one = await it.$select(all[0].id).fetch();
    is([one.type, one.status.id, all.map((n) => n.status.id)], ["mention", said[2].id, said.map((s) => s.id).reverse()]);
    await it.$select(one.id).dismiss();
    lacks(await it.list(), one);
    await it.clear();
    is(await it.list(), []);
});
await check("masto spec notifications v2: groups", async () => {
    const [eve, fay] = await members(2), it = eve.rest.v2.notifications;
    await fay.at(eve).follow();
    await until("one", async () => (await it.unreadCount.fetch()).count === 1);
    const all = await it.list(), key = all.notificationGroups[0].groupKey, one = await it.$select(key).fetch();
    for (const answer of [all, one]) {
        assert(answer.notificationGroups[0].type === "follow", show(answer));
        has(answer.accounts, fay.account);
    }
    is((await it.$select(key).accounts.fetch()).map((a) => a.id), [fay.account.id]);
    await it.$select(key).dismiss();
    is((await it.list()).notificationGroups, []);
});
await check("masto spec notifications: policy and requests", async () => {
    const [eve, fay, gus] = await members(3), policy = eve.rest.v2.notifications.policy, requests = eve.rest.v1.notifications.requests;
    const wish = { forNewAccounts: "drop", forNotFollowers: "filter", forNotFollowing: "drop", forPrivateMentions: "filter", forLimitedAccounts: "drop" };
    const told = await policy.update(wish);
    for (const key of Object.keys(wish)) assert(told[key] === wish[key], show(told));
    await policy.update({ forNewAccounts: "accept", forNotFollowers: "accept", forNotFollowing: "filter", forPrivateMentions: "accept", forLimitedAccounts: "accept" });
    const ask = async (who) => {
        await post(who, `@${eve.account.acct} hello`);
        return until("the request", async () => (await requests.list()).find((r) => r.account.id === who.account.id));
    };
    const first = await ask(fay);
    assert((await requests.$select(first.id).fetch()).account.id === fay.account.id && (await eve.rest.v1.notifications.list()).length === 0, "kept back");
    await requests.$select(first.id).dismiss();
    is(await requests.list(), []);
    await requests.$select((await ask(gus)).id).accept();
    await until("the accepted", async () => (await eve.rest.v1.notifications.list()).some((n) => n.account.id === gus.account.id));
    await until("merged", async () => (await requests.merged.fetch()).merged === true);
    await requests.dismiss({ id: [(await ask(fay)).id] });
    await requests.accept({ id: [(await ask(fay)).id] });
    await until("the others", async () => (await eve.rest.v1.notifications.list()).some((n) => n.account.id === fay.account.id));
});
await check("masto spec web-push-subscriptions: made, changed, gone", async () => {
    const keys = { p256dh: createECDH("prime256v1").generateKeys().toString("base64url"), auth: randomBytes(16).toString("base64url") };
    const it = ada.rest.v1.push.subscription, made = await it.create({ subscription: { endpoint: "https://push.example/1", keys }, policy: "all", data: { alerts: { follow: true } } });
    const now = await it.fetch();
    is([now.id, now.endpoint, now.policy, now.alerts.follow], [made.id, "https://push.example/1", "all", true]);
    assert((await it.update({ data: { alerts: { follow: false } } })).alerts.follow === false, "changed");
    await it.remove();
    assert((await refusal(it.fetch())).statusCode === 404, "gone");
});

// ---- streams -----------------------------------------------------------------------------------------------------------------------

const { configuration } = await ada.rest.v2.instance.fetch();
const streams = (who) => createStreamingAPIClient({ streamingApiUrl: configuration.urls.streaming, accessToken: who.token });
// A check with a connected socket of its own.
const streamed = (name, body) => check(name, async () => {
    const adaStreams = streams(ada);
    await adaStreams.prepare();
    await body(adaStreams);
    adaStreams.close();
});
const update = (id) => (e) => e.event === "update" && e.payload.id === id;
await streamed("masto spec streaming/timelines: public and local, with and without media, hashtag, list", async (adaStreams) => {
    await ada.at(ben).follow();
    const list = await ada.rest.v1.lists.create({ title: "Live" });
    await ada.rest.v1.lists.$select(list.id).accounts.create({ accountIds: [ben.account.id] });
    const { public: all, hashtag } = adaStreams, tag = `t${randomBytes(4).toString("hex")}`;
    const plain = [all, all.local].map((s) => listen(s.subscribe())), media = [all.media, all.local.media].map((s) => listen(s.subscribe()));
    const tagged = [hashtag, hashtag.local].map((s) => listen(s.subscribe({ tag }))), listed = listen(adaStreams.list.subscribe({ list: list.id }));
    await pause(500);
    const words = await post(ben, `words #${tag}`), file = await ben.rest.v2.media.create({ file: picture(32, 32) });
    const shown = await post(ben, "a picture", { mediaIds: [file.id] });
    for (const hears of [...plain, ...tagged, listed]) await hears.until("the words", update(words.id));
    for (const hears of [...plain, ...media, listed]) await hears.until("the picture", update(shown.id));
    for (const hears of media) assert(!hears.heard.some(update(words.id)), "words without a picture in a stream of pictures");
    for (const hears of tagged) assert(!hears.heard.some(update(shown.id)), "a post without the tag");
    await ada.rest.v1.lists.$select(list.id).remove();
    await ada.at(ben).unfollow();
});
await streamed("masto spec streaming/timelines, events: notifications, talks and a filter's change", async (adaStreams) => {
    const user = listen(adaStreams.user.subscribe()), notes = listen(adaStreams.user.notification.subscribe()), direct = listen(adaStreams.direct.subscribe());
    await pause(500);
    await ben.at(ada).follow();
    for (const hears of [user, notes]) await hears.until("the follow", (e) => e.event === "notification" && e.payload.type === "follow" && e.payload.account.id === ben.account.id);
    const said = await post(ben, `@${ada.account.acct} quietly`, { visibility: "direct" });
    await direct.until("the talk", (e) => e.event === "conversation" && e.payload.lastStatus?.id === said.id);
    const filter = await ada.rest.v2.filters.create({ title: "x", context: ["public"] });
    await user.until("the filter", (e) => e.event === "filters_changed");
    await ada.rest.v2.filters.$select(filter.id).remove();
    assert(notes.heard.every((e) => e.event === "notification" || e.event === "notifications_merged"), notes.heard.map((e) => e.event).join());
    await ben.at(ada).unfollow();
});
await streamed("masto spec streaming/events: a post, its edit and its end", async (adaStreams) => {
    const tag = `t${randomBytes(4).toString("hex")}`, hears = listen(adaStreams.hashtag.local.subscribe({ tag }));
    await pause(300);
    const said = await post(ada, `before #${tag}`), it = ada.rest.v1.statuses.$select(said.id);
    await hears.until("the post", update(said.id));
    await it.update({ status: `after #${tag}` });
    assert((await hears.until("the edit", (e) => e.event === "status.update")).payload.content.includes("after"), "the new words");
    await it.remove();
    assert((await hears.until("the end", (e) => e.event === "delete")).payload === said.id, "which");
});
await streamed("masto spec streaming/connections: who goes does not take the stream from who stays", async (adaStreams) => {
    const tag = `t${randomBytes(4).toString("hex")}`, subscribe = () => adaStreams.hashtag.subscribe({ tag });
    const [early, goes, stays] = [subscribe(), subscribe(), subscribe()], left = listen(goes), right = listen(stays);
    early.unsubscribe(); // before it was connected
    await pause(300);
    const one = await post(ada, `one #${tag}`);
    for (const hears of [left, right]) await hears.until("the first", update(one.id));
    for (let i = 0; i < 4; i++) goes.unsubscribe();
    const two = await post(ada, `two #${tag}`);
    await right.until("the second", update(two.id));
});
await check("masto spec streaming/errors: a hashtag without a name is an error", async () => {
    const [eve] = await members(1), own = streams(eve);
    const e = await Promise.race([own.hashtag.subscribe({ tag: "" }).values().next().then(() => "an event", (x) => x), pause(5000).then(() => "silence")]);
    own.close();
    assert(e instanceof masto.MastoUnexpectedError, String(e));
});

// ---- keeping order -----------------------------------------------------------------------------------------------------------------

let admin;
await check("masto spec: the operator signs in with the admin scopes", async () => {
    admin = (await signIn("operator", `${SCOPES} admin:read admin:write`, operatorPassword())).rest;
});
if (admin) {
    await check("masto spec admin/accounts: disabled, suspended, silenced, sensitive, and not", async () => {
        const [eve] = await members(1), it = admin.v1.admin.accounts.$select(eve.account.id);
        assert((await it.fetch()).username === eve.account.username, "fetched");
        assert((await admin.v1.admin.accounts.list()).some((a) => a.id === eve.account.id), "listed");
        for (const [type, state, back] of [["disable", "disabled", "enable"], ["suspend", "suspended", "unsuspend"], ["silence", "silenced", "unsilence"],
            ["sensitive", "sensitized", "unsensitive"]]) {
            await it.action.create({ type });
            assert((await it.fetch())[state] === true, type);
            assert((await it[back]())[state] === false && (await it.fetch())[state] === false, back);
        }
    });
    await check("masto spec reports, admin/reports: from the report to its end and back", async () => {
        const [eve] = await members(1), self = await admin.v1.accounts.verifyCredentials();
        await ada.rest.v1.reports.create({ accountId: eve.account.id });
        const found = (await admin.v1.admin.reports.list()).find((r) => r.targetAccount.id === eve.account.id), it = admin.v1.admin.reports.$select(found.id);
        is((await it.fetch()).targetAccount.id, eve.account.id);
        is((await it.assignToSelf()).assignedAccount?.id, self.id);
        is((await it.unassign()).assignedAccount, null);
        is((await it.resolve()).actionTaken, true);
        is((await it.reopen()).actionTaken, false);
    });
    // Each kind: what makes one, what it then is, how it changes.
    for (const [name, path, create, wanted, change, changed] of [
        ["domain-blocks", "domainBlocks", { domain: "loud.example", rejectMedia: true }, { domain: "loud.example", rejectMedia: true }, { rejectMedia: false }, { rejectMedia: false }],
        ["domain-allows", "domainAllows", { domain: "calm.example" }, { domain: "calm.example" }],
        ["email-domain-blocks", "emailDomainBlocks", { domain: "mail.example" }, { domain: "mail.example" }],
        ["ip-blocks", "ipBlocks", { ip: "192.0.2.60", severity: "no_access" }, { ip: "192.0.2.60/32", severity: "no_access" },
            { severity: "sign_up_requires_approval" }, { severity: "sign_up_requires_approval" }],
        ["canonical-email-blocks", "canonicalEmailBlocks", { email: "loud@example.com" }, {}]])
        await check(`masto spec admin/${name}: one made, read, changed, listed, removed`, async () => {
            const all = admin.v1.admin[path], { id } = await all.create(create), it = all.$select(id);
            const match = (got, part) => is(Object.fromEntries(Object.keys(part).map((k) => [k, got[k]])), part);
            match(await it.fetch(), wanted);
            if (change) match(await it.update(change), changed);
            const now = await it.fetch();
            match(now, changed ?? wanted);
            has(await all.list(), now);
            if (path === "canonicalEmailBlocks") {
                assert(/^[0-9a-f]{64}$/.test(now.canonicalEmailHash), show(now));
                has(await all.test(create), now);
            }
            await it.remove();
            lacks(await all.list(), now);
        });
    await check("masto spec admin/measures, dimensions, retention", async () => {
        const span = { startAt: new Date(Date.now() - 2 * 86_400_000).toISOString(), endAt: new Date().toISOString() };
        is((await admin.v1.admin.measures.create({ keys: ["active_users"], ...span })).map((m) => m.key), ["active_users"]);
        is((await admin.v1.admin.dimensions.create({ keys: ["languages", "software_versions"], ...span })).map((d) => d.key), ["languages", "software_versions"]);
        assert((await admin.v1.admin.retention.create({ ...span, frequency: "day" })).length > 0, "cohorts");
    });
    await check("masto spec admin: a member is not let in", async () => {
        const e = await refusal(ada.rest.v1.admin.accounts.list());
        assert(e.statusCode === 403, String(e.statusCode));
    });
}
await end();
done();
process.exit(); // the library would go on trying to reach the server

// npm's masto, the library under Elk and Phanpy, against a running server: signs in with PKCE, posts with a picture, boosts, searches,
// follows, reads notifications, streams over one WebSocket, and is signed out with its stream. MYNAH names the program.
import { assert, check, done } from "../e2e/lib.mjs";
import { end, listen, masto, picture, signIn, signUp, url } from "./masto_lib.mjs";

const { createOAuthAPIClient, createStreamingAPIClient } = masto;
let ada, ben, post, adaHears, benHears, adaStream, benStream;
const me = {};
await check("masto signs up members", () => signUp("ada", "ben"));
await check("masto signs in with PKCE, and a wrong verifier gets nothing", async () => {
    [ada, ben] = [await signIn("ada"), await signIn("ben")];
    [me.ada, me.ben] = [await ada.rest.v1.accounts.verifyCredentials(), await ben.rest.v1.accounts.verifyCredentials()];
});
if (me.ben) {
    await check("masto reads the instance and opens WebSockets where it says", async () => {
        const instance = await ada.rest.v2.instance.fetch();
        assert(instance.version.startsWith("4.") && instance.apiVersions.mastodon >= 2, instance.version);
        const v1 = await ada.rest.v1.instance.fetch();
        assert(v1.urls.streamingApi === instance.configuration.urls.streaming, v1.urls.streamingApi);
        const open = (who) => createStreamingAPIClient({ streamingApiUrl: instance.configuration.urls.streaming, accessToken: who.token });
        [adaStream, benStream] = [open(ada), open(ben)];
        adaHears = { user: listen(adaStream.user.subscribe()), direct: listen(adaStream.direct.subscribe()), tag: listen(adaStream.hashtag.subscribe({ tag: "birds" })) };
        benHears = { user: listen(benStream.user.subscribe()), local: listen(benStream.public.local.subscribe()) };
        await Promise.all([adaStream.prepare(), benStream.prepare()]);
        await new Promise((r) => setTimeout(r, 300));
    });
    await check("masto follows, and the stream tells", async () => {
        assert((await ben.rest.v1.accounts.$select(me.ada.id).follow()).following, "following");
        await adaHears.user.until("the follow", (e) => e.event === "notification" && e.payload.type === "follow");
        assert((await ada.rest.v1.accounts.relationships.fetch({ id: [me.ben.id] }))[0].followedBy, "followed by");
        assert((await ada.rest.v1.accounts.$select(me.ada.id).followers.list())[0].username === "ben", "followers");
    });
    await check("masto posts with a picture, and three streams on one socket tell", async () => {
        const media = await ada.rest.v2.media.create({ file: picture(64, 48), description: "grey", focus: "0.5,-0.5" });
        assert(media.type === "image" && media.meta.original.width === 64 && media.blurhash, JSON.stringify(media));
        post = await ada.rest.v1.statuses.create({ status: "A heron over the weir. #birds", mediaIds: [media.id], sensitive: true, spoilerText: "heron", visibility: "public" },
            { requestInit: { headers: new Headers({ "Idempotency-Key": "heron" }) } });
        assert(post.mediaAttachments[0].description === "grey" && post.spoilerText === "heron", "the post");
        for (const hears of [benHears.user, benHears.local, adaHears.tag]) await hears.until("the post", (e) => e.event === "update" && e.payload.id === post.id);
        assert((await ben.rest.v1.timelines.home.list())[0].id === post.id, "home");
        assert((await ben.rest.v1.timelines.tag.$select("birds").list())[0].id === post.id, "tag");
        const file = await fetch(post.mediaAttachments[0].url);
        assert(file.ok && file.headers.get("content-type").startsWith("image/"), `the picture: ${file.status}`);
    });
}
if (post) {
    await check("masto boosts, favourites, bookmarks, replies, votes, and the stream tells", async () => {
        const it = ben.rest.v1.statuses.$select(post.id);
        assert((await it.reblog()).reblog.id === post.id && (await it.favourite()).favourited && (await it.bookmark()).bookmarked, "marks");
        const reply = await ben.rest.v1.statuses.create({ status: "@ada I saw it, too.", inReplyToId: post.id });
        for (const type of ["reblog", "favourite", "mention"]) await adaHears.user.until(type, (e) => e.event === "notification" && e.payload.type === type);
        assert((await ada.rest.v1.statuses.$select(post.id).context.fetch()).descendants[0].id === reply.id, "context");
        assert((await ada.rest.v1.statuses.$select(post.id).rebloggedBy.list())[0].username === "ben", "boosted by");
        const asked = await ada.rest.v1.statuses.create({ status: "Which?", poll: { options: ["reed", "weir"], expiresIn: 3600, multiple: false } });
        const voted = await ben.rest.v1.polls.$select(asked.poll.id).votes.create({ choices: [1] });
        assert(voted.voted && voted.ownVotes[0] === 1 && voted.options[1].votesCount === 1, JSON.stringify(voted));
    });
    await check("masto reads notifications, plain and in groups, page by page", async () => {
        const kinds = (await ada.rest.v1.notifications.list()).map((n) => n.type).sort();
        assert(kinds.join() === "favourite,follow,mention,reblog", kinds.join());
        const grouped = await ada.rest.v2.notifications.list();
        assert(grouped.notificationGroups.length === 4 && grouped.accounts.some((a) => a.id === me.ben.id), JSON.stringify(grouped).slice(0, 300));
        const pages = [];
        for await (const page of ada.rest.v1.notifications.list({ limit: 3 })) pages.push(page.length);
        assert(pages[0] === 3 && pages[1] === 1, pages.join());
        assert((await ada.rest.v1.notifications.unreadCount.fetch()).count === 4, "unread");
        const policy = await ada.rest.v2.notifications.policy.fetch();
        assert(policy.forNotFollowing === "accept", JSON.stringify(policy));
        await ada.rest.v1.markers.create({ notifications: { lastReadId: grouped.notificationGroups[0].mostRecentNotificationId } });
        assert((await ada.rest.v1.notifications.unreadCount.fetch()).count === 0, "read");
    });
    await check("masto searches", async () => {
        assert((await ada.rest.v2.search.list({ q: "ben" })).accounts[0].username === "ben", "accounts");
        assert((await ada.rest.v2.search.list({ q: "#birds", type: "hashtags" })).hashtags[0].name === "birds", "tags");
        assert((await ada.rest.v1.accounts.lookup({ acct: "ben" })).id === me.ben.id, "lookup");
    });
    await check("masto edits, and the stream tells", async () => {
        const edited = await ada.rest.v1.statuses.$select(post.id).update({ status: "A heron, thrice. #birds", mediaIds: [post.mediaAttachments[0].id],
            mediaAttributes: [{ id: post.mediaAttachments[0].id, description: "all grey" }] });
        assert(edited.editedAt && edited.mediaAttachments[0].description === "all grey", JSON.stringify(edited.mediaAttachments));
        await benHears.user.until("the edit", (e) => e.event === "status.update" && e.payload.id === post.id);
        assert((await ben.rest.v1.statuses.$select(post.id).history.list()).length === 2, "history");
        assert((await ada.rest.v1.statuses.$select(post.id).source.fetch()).text.startsWith("A heron"), "source");
    });
    await check("masto talks directly, and the stream of talks tells", async () => {
        const said = await ben.rest.v1.statuses.create({ status: "@ada see you at the weir", visibility: "direct" });
        const talk = await adaHears.direct.until("the talk", (e) => e.event === "conversation" && e.payload.lastStatus.id === said.id);
        assert((await ada.rest.v1.conversations.$select(talk.payload.id).read()).unread === false, "read");
        assert(!benHears.local.heard.some((e) => e.payload?.id === said.id), "the local stream is silent about it");
    });
    await check("masto filters with words, and says why a post is hidden", async () => {
        const filter = await ben.rest.v2.filters.create({ title: "Herons", context: ["public", "home"], filterAction: "warn", keywordsAttributes: [{ keyword: "heron", wholeWord: false }] });
        const hidden = (await ben.rest.v1.timelines.public.list({ local: true })).find((s) => s.id === post.id);
        assert(hidden.filtered[0].filter.title === "Herons" && hidden.filtered[0].keywordMatches[0] === "heron", JSON.stringify(hidden.filtered));
        await benHears.user.until("the filter", (e) => e.event === "filters_changed");
        await ben.rest.v2.filters.$select(filter.id).remove();
    });
    await check("masto keeps lists, tags and a profile", async () => {
        const list = await ben.rest.v1.lists.create({ title: "Watchers", repliesPolicy: "list", exclusive: false });
        await ben.rest.v1.lists.$select(list.id).accounts.create({ accountIds: [me.ada.id] });
        const hears = listen(benStream.list.subscribe({ list: list.id }));
        await new Promise((r) => setTimeout(r, 300));
        const next = await ada.rest.v1.statuses.create({ status: "For those who watch." });
        await hears.until("the post in the list", (e) => e.event === "update" && e.payload.id === next.id);
        assert((await ben.rest.v1.timelines.list.$select(list.id).list())[0].id === next.id, "list");
        await ben.rest.v1.lists.$select(list.id).remove();
        assert((await ben.rest.v1.tags.$select("birds").follow()).following, "tag");
        const changed = await ada.rest.v1.accounts.updateCredentials({ displayName: "Ada", avatar: picture(80, 80), fieldsAttributes: [{ name: "Weir", value: "the upper one" }] });
        assert(changed.displayName === "Ada" && changed.fields[0].name === "Weir", JSON.stringify(changed.fields));
    });
    await check("masto schedules, reports, and is told what is not there", async () => {
        const later = await ada.rest.v1.statuses.create({ status: "Later", scheduledAt: new Date(Date.now() + 3_600_000).toISOString() });
        assert((await ada.rest.v1.scheduledStatuses.list())[0].id === later.id, "scheduled");
        await ben.rest.v1.reports.create({ accountId: me.ada.id, statusIds: [post.id], comment: "It was an egret", category: "other" });
        const none = await ada.rest.v1.statuses.$select("1").fetch().then(() => null, (e) => e);
        assert(none.statusCode === 404 && none.message === "Record not found", String(none));
    });
    await check("masto deletes, and the stream tells", async () => {
        const gone = await ada.rest.v1.statuses.$select(post.id).remove({ deleteMedia: true });
        assert(gone.text.startsWith("A heron"), JSON.stringify(gone).slice(0, 200));
        await benHears.user.until("the delete", (e) => e.event === "delete" && e.payload === post.id);
    });
    await check("masto signs out, and the WebSocket closes", async () => {
        const socket = await benStream.prepare();
        const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
        await createOAuthAPIClient({ url }).revoke({ clientId: ben.app.clientId, clientSecret: ben.app.clientSecret, token: ben.token });
        const late = new Promise((resolve) => setTimeout(() => resolve("late"), 15000).unref());
        assert((await Promise.race([closed, late])) !== "late", "the socket of a revoked token stays open");
        const refused = await ben.rest.v1.accounts.verifyCredentials().then(() => 200, (e) => e.statusCode);
        assert(refused === 401, `after signing out: ${refused}`);
    });
}
await end();
done();
process.exit(); // the library would go on trying to reach the server

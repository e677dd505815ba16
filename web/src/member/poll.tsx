// A poll: choices to vote on, or how it stands.
import { useState } from "preact/hooks";
import { send } from "./api";
import { account, post, tell } from "./state";
import { t, tn, when } from "../i18n";
import type { Poll, Status } from "./types";

export function PollView({ poll, of }: { poll: Poll; of: Status }) {
    const [chosen, setChosen] = useState<number[]>([]);
    const [busy, setBusy] = useState(false);
    const mine = of.account.id === account.value?.id;
    const results = poll.voted || poll.expired || mine;
    const voters = poll.voters_count ?? poll.votes_count;
    const vote = async (): Promise<void> => {
        setBusy(true);
        try {
            const next = await send<Poll>("POST", `/api/v1/polls/${poll.id}/votes`, { choices: chosen });
            const at = post(of.id);
            if (at?.value) at.value = { ...at.value, poll: next };
        } catch (error) {
            tell(error);
        }
        setBusy(false);
    };
    const choose = (i: number, on: boolean): void => setChosen(poll.multiple ? (on ? [...chosen, i] : chosen.filter((x) => x !== i)) : [i]);
    const most = Math.max(...poll.options.map((o) => o.votes_count ?? 0));
    return (
        <div class="poll">
            {results
                ? poll.options.map((o, i) => {
                      const votes = o.votes_count ?? 0;
                      const share = voters ? Math.round((votes / voters) * 100) : 0;
                      return (
                          <div key={i} class={`result${votes === most && votes > 0 ? " most" : ""}`}>
                              <span class="share">{share} %</span>
                              <span dir="auto">{o.title}</span>
                              {poll.own_votes?.includes(i) && <span class="tag">{t("your_vote")}</span>}
                              <meter min={0} max={100} value={share} aria-label={`${o.title}: ${share} %`} />
                          </div>
                      );
                  })
                : poll.options.map((o, i) => (
                      <label key={i} class="choice">
                          <input type={poll.multiple ? "checkbox" : "radio"} name={`poll-${of.id}`} checked={chosen.includes(i)} onChange={(e) => choose(i, e.currentTarget.checked)} />
                          <span dir="auto">{o.title}</span>
                      </label>
                  ))}
            <p class="small">
                {!results && (
                    <button type="button" class="quiet" disabled={!chosen.length || busy} onClick={() => void vote()}>
                        {t("vote")}
                    </button>
                )}
                {tn("voters", voters)}
                {" · "}
                {poll.expired ? t("poll_closed") : poll.expires_at ? t("poll_until", { when: new Date(poll.expires_at) > new Date() ? whenAhead(poll.expires_at) : when(poll.expires_at) }) : ""}
            </p>
        </div>
    );
}

function whenAhead(iso: string): string {
    return new Intl.DateTimeFormat(document.documentElement.lang || "en", { dateStyle: "medium", timeStyle: "short" }).format(Date.parse(iso));
}

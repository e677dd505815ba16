// Whom one has muted or blocked, and servers one does not want to hear of.
import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n";
import { get, send } from "../api";
import { People } from "../people";
import { relate, tell } from "../state";
import type { Account } from "../types";

export default function Blocked() {
    const [domains, setDomains] = useState<string[]>([]);
    const [domain, setDomain] = useState("");
    const load = (): void => void get<string[]>("/api/v1/domain_blocks", { limit: 200 }).then(setDomains, tell);
    useEffect(load, []);
    const undo = (verb: string, label: string) => (a: Account, drop: () => void) => (
        <button type="button" class="quiet" onClick={() => void relate(a.id, verb).then(drop)}>
            {label}
        </button>
    );
    return (
        <>
            <h2>{t("muted_people")}</h2>
            <People path="/api/v1/mutes" row={undo("unmute", t("unmute", { name: "" }))} />
            <h2>{t("blocked_people")}</h2>
            <People path="/api/v1/blocks" row={undo("unblock", t("unblock", { name: "" }))} />
            <h2>{t("blocked_servers")}</h2>
            <form
                class="card row"
                onSubmit={(e) => {
                    e.preventDefault();
                    void send("POST", "/api/v1/domain_blocks", { domain }).then(() => {
                        setDomain("");
                        load();
                    }, tell);
                }}
            >
                <input class="grow" value={domain} placeholder="example.org" aria-label={t("server")} onInput={(e) => setDomain(e.currentTarget.value)} />
                <button class="primary" disabled={!domain.trim()}>
                    {t("block_server")}
                </button>
            </form>
            <ul class="card people">
                {domains.map((d) => (
                    <li key={d} class="person">
                        <span class="grow">{d}</span>
                        <button type="button" class="quiet" onClick={() => void send("DELETE", "/api/v1/domain_blocks", { domain: d }).then(load, tell)}>
                            {t("unblock", { name: "" })}
                        </button>
                    </li>
                ))}
                {!domains.length && <li class="empty">{t("nothing_here")}</li>}
            </ul>
        </>
    );
}

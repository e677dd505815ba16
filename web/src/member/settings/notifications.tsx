// Whose notifications come through, and pushing them to this device.
import { useEffect, useState } from "preact/hooks";
import { t, type Key } from "../../i18n";
import { get, send } from "../api";
import { instance, show, tell } from "../state";

type Rule = "accept" | "filter" | "drop";
const classes = ["for_not_following", "for_not_followers", "for_new_accounts", "for_private_mentions", "for_limited_accounts"] as const;
type Policy = Record<(typeof classes)[number], Rule>;

const alerts = ["mention", "reblog", "favourite", "follow", "follow_request", "poll", "status", "update", "quote"] as const;

function bytes(text: string): Uint8Array<ArrayBuffer> {
    const raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}

async function push(on: boolean): Promise<boolean> {
    const worker = await navigator.serviceWorker.ready;
    const now = await worker.pushManager.getSubscription();
    if (!on) {
        await now?.unsubscribe();
        await send("DELETE", "/api/v1/push/subscription");
        return false;
    }
    const key = instance.value?.configuration.vapid?.public_key;
    if (!key || (await Notification.requestPermission()) !== "granted") throw new Error("no permission");
    const made = now ?? (await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) }));
    await send("POST", "/api/v1/push/subscription", { subscription: { ...made.toJSON(), standard: true }, data: { alerts: Object.fromEntries(alerts.map((a) => [a, true])), policy: "all" } });
    return true;
}

export default function Notifications() {
    const [policy, setPolicy] = useState<Policy | null>(null);
    const [pushed, setPushed] = useState<boolean | null>(null);
    const can = "serviceWorker" in navigator && "PushManager" in window;
    useEffect(() => {
        void get<Policy>("/api/v2/notifications/policy").then(setPolicy, tell);
        if (can) void navigator.serviceWorker.ready.then((w) => w.pushManager.getSubscription()).then((s) => setPushed(!!s), () => setPushed(false));
    }, []);
    const set = async (key: keyof Policy, value: Rule): Promise<void> => {
        try {
            setPolicy(await send<Policy>("PATCH", "/api/v2/notifications/policy", { [key]: value }));
            show(t("saved"));
        } catch (error) {
            tell(error);
        }
    };
    return (
        <>
            <div class="card settings-form">
                <h2>{t("policy")}</h2>
                <p class="small">{t("policy_about")}</p>
                {policy &&
                    classes.map((c) => (
                        <label key={c} class="row">
                            {t(c as Key)}
                            <select value={policy[c]} onChange={(e) => void set(c, e.currentTarget.value as Rule)}>
                                <option value="accept">{t("rule_accept")}</option>
                                <option value="filter">{t("rule_filter")}</option>
                                <option value="drop">{t("rule_drop")}</option>
                            </select>
                        </label>
                    ))}
            </div>
            <div class="card settings-form">
                <h2>{t("push")}</h2>
                <p class="small">{t(can ? "push_about" : "push_cannot")}</p>
                {can && (
                    <button
                        type="button"
                        class={pushed ? "quiet" : "primary"}
                        onClick={() =>
                            void push(!pushed).then(
                                (on) => {
                                    setPushed(on);
                                    show(t(on ? "push_is_on" : "push_is_off"));
                                },
                                () => show(t("push_failed")),
                            )
                        }
                    >
                        {t(pushed ? "push_off" : "push_on")}
                    </button>
                )}
            </div>
        </>
    );
}

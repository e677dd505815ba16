// The tools at the right of the bar: colours and the list of keys.
import { useEffect, useRef } from "preact/hooks";
import { t, type Key } from "./i18n";
import { helpOpen, keysOn, setKeys, shortcuts } from "./keys";
import { applyTheme, theme, type Theme } from "./theme";

const themes: { value: Theme; label: Key; sign: string }[] = [
    { value: "auto", label: "theme_auto", sign: "◐" },
    { value: "light", label: "theme_light", sign: "☀" },
    { value: "dark", label: "theme_dark", sign: "☾" },
];

function ThemeButton() {
    const at = themes.findIndex((x) => x.value === theme.value);
    const now = themes[at] ?? themes[0]!;
    const next = themes[(at + 1) % themes.length]!;
    const label = `${t("theme")}: ${t(now.label)}`;
    return (
        <button type="button" class="tool" title={label} aria-label={label} onClick={() => applyTheme(next.value)}>
            <span aria-hidden="true">{now.sign}</span>
        </button>
    );
}

function Help() {
    const dialog = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        if (helpOpen.value) dialog.current?.showModal();
        else dialog.current?.close();
    }, [helpOpen.value]);
    return (
        <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
            <h2 id="help-title">{t("keys_title")}</h2>
            <dl>
                {shortcuts.map((s) => (
                    <div key={s.keys}>
                        <dt>{s.keys.split(" ").map((k) => <kbd key={k}>{k}</kbd>)}</dt>
                        <dd>{t(s.label)}</dd>
                    </div>
                ))}
            </dl>
            <label class="check">
                <input type="checkbox" checked={keysOn.value} onChange={(e) => setKeys(e.currentTarget.checked)} />
                {t("keys_on")}
            </label>
            <form method="dialog">
                <button>{t("close")}</button>
            </form>
        </dialog>
    );
}

export function Tools() {
    return (
        <>
            <ThemeButton />
            <button type="button" class="tool" title={t("keys")} aria-label={t("keys")} onClick={() => (helpOpen.value = true)}>
                <span aria-hidden="true">?</span>
            </button>
            <Help />
        </>
    );
}

// Language, colours, keys: kept in this browser.
import { language, languages, t } from "../../i18n";
import { keysOn, setKeys, shortcuts } from "../../keys";
import { store } from "../../stored";
import { applyTheme, theme, type Theme } from "../../theme";

export default function Appearance() {
    return (
        <div class="card settings-form">
            <label class="row">
                {t("app_language")}
                <select
                    value={language.value}
                    onChange={(e) => {
                        store("language", e.currentTarget.value);
                        location.reload();
                    }}
                >
                    {Object.entries(languages).map(([code, name]) => (
                        <option key={code} value={code} lang={code}>
                            {name}
                        </option>
                    ))}
                </select>
            </label>
            <label class="row">
                {t("theme")}
                <select value={theme.value} onChange={(e) => applyTheme(e.currentTarget.value as Theme)}>
                    {(["auto", "light", "dark"] as const).map((v) => (
                        <option key={v} value={v}>
                            {t(`theme_${v}`)}
                        </option>
                    ))}
                </select>
            </label>
            <label class="check">
                <input type="checkbox" checked={keysOn.value} onChange={(e) => setKeys(e.currentTarget.checked)} /> {t("keys_on")}
            </label>
            <dl class="key-list">
                {shortcuts.map((s) => (
                    <div key={s.keys}>
                        <dt>
                            {s.keys.split(" ").map((k) => (
                                <kbd key={k}>{k}</kbd>
                            ))}
                        </dt>
                        <dd>{t(s.label)}</dd>
                    </div>
                ))}
            </dl>
            <p class="small">{t("kept_here")}</p>
        </div>
    );
}

/** Registers the dialogs with the settings and with the instructions. Loaded when one is first opened. */
import { defineElements } from "../base/define-elements";
import { Instructions } from "./instructions";
import { SettingField } from "./setting-field";
import { SettingsDialog } from "./settings-dialog";

const elements = {
  "rondo-instructions": Instructions,
  "rondo-setting": SettingField,
  "rondo-settings": SettingsDialog,
};

defineElements(elements);

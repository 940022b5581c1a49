import './tokens.css'
import './base.css'
import { mount } from 'svelte'
import App from './App.svelte'
import { openAutomationApi } from './state/automation'
import { update } from './state/update.svelte'

const target = document.getElementById('app')
if (!target) throw new Error('index.html has no #app.')
mount(App, { target })
openAutomationApi()
void update.register()

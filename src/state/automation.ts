export { openAutomationApi } from '../rpc/automation'

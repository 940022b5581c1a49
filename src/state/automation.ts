export { openAutomationDoor } from '../rpc/automation'

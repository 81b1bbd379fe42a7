// Reads simulations as JSON from standard input, and writes each one's verdict, or what is wrong with it.
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { text } from 'node:stream/consumers'

const simulations = JSON.parse(await text(process.stdin))
const verdicts = []
for (const simulation of simulations) {
  const { overallResult, errors } = await runSimulation(simulation, {})
  verdicts.push(errors ? JSON.stringify(errors) : overallResult)
}
process.stdout.write(JSON.stringify(verdicts))
